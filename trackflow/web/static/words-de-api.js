// German: the description of the API.

export default {
  'Describes every route of this installation, from its own {a} (OpenAPI). “Authorize” takes another token than that of your session.': 'Beschreibt alle Routen dieser Installation, aus ihrer eigenen {a} (OpenAPI). „Authorize“ nimmt ein anderes Token als das der Sitzung.',
  'description': 'Beschreibung',
  'Open the description': 'Beschreibung öffnen',
  'Skip to the API': 'Zur API springen',
  'trackflow: API': 'trackflow: API',
  'Trying out changes takes one for admin.': 'Änderungen auszuprobieren braucht eines für admin.',
};
