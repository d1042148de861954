// Taking files and folders that are dropped on a page.

/** The files of a drop, with those of dropped folders; each knows its path. */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    file.path = entry.fullPath.replace(/^\//, '');
    found.push(file);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return;
    for (const child of some) await walk(child, found);
  }
}

const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');

const markBody = (on) => document.body.classList.toggle('dropping', on);

/**
 * Take files that are dropped anywhere on the page; `take` gets them, `mark` shows that they may be dropped.
 * Where they may not, nothing happens: a browser would open the file, and the page be gone.
 */
export function installDrop({ mayDrop, take, mark = markBody }) {
  let depth = 0;
  addEventListener('dragenter', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth += 1;
    mark(mayDrop());
  });
  addEventListener('dragover', (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener('dragleave', () => {
    depth = Math.max(0, depth - 1);
    if (!depth) mark(false);
  });
  addEventListener('drop', async (event) => {
    depth = 0;
    mark(false);
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (!mayDrop()) return;
    const files = await filesOf(event.dataTransfer);
    if (files.length) take(files);
  });
}
