// Sending files, with the share that has arrived.

import { ApiError, onSignedOut, refused } from './api.js';
import { tr } from './words.js';

/** Send a form with files; gives the answer's JSON. `onShare` is called with the share that has arrived. */
export function sendForm(address, form, onShare) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest(); // fetch does not say how far a body is
    request.open('POST', address);
    request.responseType = 'json';
    request.upload.addEventListener('progress', (event) => onShare(event.total ? event.loaded / event.total : 0));
    request.addEventListener('load', () => {
      if (request.status >= 200 && request.status < 300) return done(request.response);
      const error = refused(request.status, request.response);
      if (request.status === 401) onSignedOut.call(error.message);
      return failed(error);
    });
    request.addEventListener('error', () => failed(new ApiError(0, tr('The server does not answer, or what is sent is too large for it.'))));
    request.send(form);
  });
}
