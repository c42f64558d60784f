// check.mjs DOCUMENT SAMPLES {"message": "beginning of its samples' names"}
// Parses the document, then holds every sample against the schema of its message. One line a sample; exit 1 with the
// reasons if anything does not fit.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Parser } from '@asyncapi/parser';
import Ajv from 'ajv';
import formats from 'ajv-formats';

const [path, folder, beginnings] = process.argv.slice(2);
const { document, diagnostics } = await new Parser().parse(await readFile(path, 'utf8'), { source: path });
const errors = diagnostics.filter((d) => d.severity === 0);
for (const { message, path } of errors) console.error(`${path.join('.')}: ${message}`);
if (!document) process.exit(1);

const ajv = new Ajv({ strict: false, allErrors: true });
formats(ajv);
// Sizes that schemars names and JSON Schema leaves open.
for (const name of ['uint', 'uint8', 'uint16', 'uint32', 'uint64']) {
  ajv.addFormat(name, { type: 'number', validate: (v) => Number.isInteger(v) && v >= 0 });
}

let wrong = errors.length;
const schemas = document.json().components.schemas;
for (const [name, beginning] of Object.entries(JSON.parse(beginnings))) {
  const payload = document.json().components.messages[name].payload;
  const header = payload['x-header-line'];
  const validate = ajv.compile({ ...(header ?? payload), components: { schemas } });
  for (const file of (await readdir(folder)).filter((f) => f.startsWith(beginning))) {
    const bytes = await readFile(join(folder, file));
    const text = header ? bytes.subarray(0, bytes.indexOf(10)) : bytes;
    if (validate(JSON.parse(text))) {
      console.log(`${file}: fits ${name}`);
    } else {
      wrong += 1;
      console.error(`${file}: ${ajv.errorsText(validate.errors)}`);
    }
  }
}
process.exit(wrong ? 1 : 0);
