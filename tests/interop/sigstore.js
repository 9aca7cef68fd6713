// npm's @sigstore/verify over the tamper corpus: its checkpoint code verifies our note under the log's Ed25519 key, its
// Merkle code our proof.
//
//     node sigstore.js CORPUS [LEAST]  with @sigstore/verify in node_modules of the working directory; LEAST altered
//                                      receipts must be there, 1000 by default
const fs = require('fs');
const path = require('path');
const crypto = require('crypto');
const own = (name) => require(path.join(process.cwd(), 'node_modules/@sigstore/verify/dist/tlog', name));
const { verifyCheckpoint } = own('checkpoint.js');
const { verifyMerkleInclusion } = own('merkle.js');

const corpus = process.argv[2];
// name+id+key; base64 has a plus of its own.
const [, name, id, key] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(fs.readFileSync(path.join(corpus, 'ledgers/log.vkey'), 'utf8').trim());
const publicKey = crypto.createPublicKey({
  // The DER frame of an Ed25519 key, and its 32 bytes behind the byte of the signature's type.
  key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key, 'base64').subarray(1)]),
  format: 'der', type: 'spki',
});
const tlogs = [{ logID: Buffer.from(id, 'hex'), publicKey, baseURL: name, validFor: {} }];
const least = Number(process.argv[3] || 1000);

function receipt(text, entry) {
  const split = text.indexOf('\n\n');
  const lines = text.slice(0, split).split('\n');
  // Data beside the proof that nothing vouches for.
  if (/^extra [A-Za-z0-9+/]*={0,2}$/.test(lines[1])) lines.splice(1, 1);
  if (lines[0] !== 'c2sp.org/tlog-proof@v1' || !/^index \d+$/.test(lines[1])) throw new Error('form');
  const proof = {
    logIndex: lines[1].slice(6), hashes: lines.slice(2).map((line) => Buffer.from(line, 'base64')),
    checkpoint: { envelope: text.slice(split + 2) },
  };
  const checkpoint = verifyCheckpoint({ inclusionProof: proof }, tlogs);
  verifyMerkleInclusion({ inclusionProof: proof, canonicalizedBody: entry }, checkpoint);
  return `${proof.logIndex} of ${checkpoint.logSize} ${checkpoint.logHash.toString('hex')}`;
}

const truth = {}; let refused = 0; let same = 0; let wrong = 0;
for (const line of fs.readFileSync(path.join(corpus, 'small/manifest.jsonl'), 'utf8').trim().split('\n')) {
  const test = JSON.parse(line);
  if (test.kind !== 'receipt') continue;
  let said;
  try {
    const entry = fs.readFileSync(path.join(corpus, 'small', test.entry || 'entry'));
    said = receipt(fs.readFileSync(path.join(corpus, 'small', test.file), 'utf8'), entry);
  } catch (error) {
    if (test.accept) { console.error('the original is refused:', error); wrong += 1; }
    refused += 1;
    continue;
  }
  const original = test.of || 'receipt';
  if (test.accept) truth[original] = said;
  // It looks at the log's line alone: what differs elsewhere in the note still says the same.
  else if (said === truth[original]) same += 1;
  else { console.error(`${test.file}: ${test.how} is accepted: ${said}`); wrong += 1; }
}
const originals = Object.keys(truth).length;
console.log(`@sigstore/verify: ${originals} receipts verified, ${refused} altered ones refused, ${same} that say the same of tree and entry`);
process.exit(wrong === 0 && originals > 0 && refused >= least ? 0 : 1);
