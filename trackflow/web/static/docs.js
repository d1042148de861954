// The description of the API: Swagger UI over the service's own document, with no other site.

import { get } from './api.js';
import { byId } from './dom.js';
import { installLogin } from './login.js';
import { beginPage, tellProblem } from './problems.js';
import { readSettings } from './settings.js';
import { tr } from './words.js';

installLogin({ admin: tr('Trying out changes takes one for admin.'), opens: tr('Open the description'), begin: () => beginPage(begin) });

async function begin() {
  const [{ data: spec }] = await Promise.all([get('/openapi.json'), readSettings()]);
  globalThis.SwaggerUIBundle({ spec, dom_id: '#api', deepLinking: true, docExpansion: 'none', defaultModelsExpandDepth: 0, validatorUrl: null });
  document.body.dataset.ready = 'yes';
  tellProblem(null);
}

beginPage(begin);
