// The checks of an audit record: its bytes, the path to the root of the Merkle tree (RFC 6962), the checkpoint's
// signature (C2SP signed note, Ed25519). Values in, findings out; everything is recomputed, nothing is believed.

const text = new TextEncoder();

function bytesOfBase64(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytesOfHex(digits) {
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error("it is not hexadecimal");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
}

/** RFC 6962 §2.1: the hash of a leaf. */
function leafHash(record) {
  return sha256([0], record);
}

/** RFC 9162 §2.1.3.2: the root that the path leads to; throws when the path is not of that length. */
async function rootOf(leaf, index, size, path) {
  if (!(index >= 0n && index < size)) throw new Error("the record's number is not below the tree's size");
  let [fn, sn, hash] = [index, size - 1n, leaf];
  for (const sibling of path) {
    if (sn === 0n) throw new Error("the path is too long");
    if (fn % 2n === 1n || fn === sn) {
      hash = await sha256([1], sibling, hash);
      while (fn % 2n === 0n && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else {
      hash = await sha256([1], hash, sibling);
    }
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  if (sn !== 0n) throw new Error("the path is too short");
  return hash;
}

/** Reads a record's fixed encoding: `{nanoseconds, actor, action, target, outcome, details}`; nothing else decodes. */
function decodeRecord(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let place = 9;
  function field() {
    const length = view.getUint16(place);
    if (place + 2 + length > bytes.length) throw new Error("it ends inside a field");
    place += 2 + length;
    return utf8.decode(bytes.subarray(place - length, place));
  }
  if (bytes[0] !== 1) throw new Error(`its version ${bytes[0]} is unknown`);
  const record = { nanoseconds: view.getBigInt64(1) };
  for (const name of ["actor", "action", "target", "outcome"]) record[name] = field();
  const count = view.getUint16(place);
  place += 2;
  const details = new Map();
  for (let index = 0; index < count; index += 1) details.set(field(), field());
  if (place !== bytes.length) throw new Error("bytes follow its end");
  if (details.size !== count) throw new Error("a detail is there twice");
  return { ...record, details };
}

/** What of the record that is shown differs from its bytes; empty when nothing does. */
function differences(record, decoded) {
  const found = ["actor", "action", "target", "outcome"].filter((name) => record[name] !== decoded[name]);
  // The API gives the time in milliseconds, the bytes in nanoseconds.
  const distance = decoded.nanoseconds - BigInt(new Date(record.time).getTime()) * 1_000_000n;
  if (distance < -1_000_000n || distance > 1_000_000n) found.push("time");
  const names = new Set([...Object.keys(record.details), ...decoded.details.keys()]);
  for (const name of names) {
    if (!Object.hasOwn(record.details, name) || record.details[name] !== decoded.details.get(name)) found.push(`details.${name}`);
  }
  return found;
}

/** `name+key id+key` of C2SP signed-note: `{name, id, key}`. */
function parseVerifierKey(verifier) {
  const match = verifier.trim().match(/^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/);
  if (!match) throw new Error("the key is not in the form name+id+key");
  const bytes = bytesOfBase64(match[3]);
  if (bytes.length !== 33 || bytes[0] !== 1) throw new Error("the key is not an Ed25519 key");
  return { name: match[1], id: match[2], bytes };
}

/** A signed note: the text that is signed, with its lines, and the signatures. */
function parseNote(note) {
  const end = note.indexOf("\n\n");
  if (end < 0) throw new Error("the checkpoint has no signatures");
  const signed = note.slice(0, end + 1);
  const [origin, size, root] = signed.split("\n");
  if (!/^(0|[1-9][0-9]*)$/.test(size ?? "")) throw new Error("the checkpoint's size is no number");
  const signatures = note.slice(end + 2).split("\n").filter(Boolean).map((line) => {
    const match = line.match(/^— (\S+) (\S+)$/);
    if (!match) throw new Error("a signature of the checkpoint is malformed");
    const bytes = bytesOfBase64(match[2]);
    return { name: match[1], id: hex(bytes.subarray(0, 4)), signature: bytes.subarray(4) };
  });
  return { signed, origin, size: BigInt(size), root: bytesOfBase64(root), signatures };
}

/** Whether the holder of the key signed the note; null when this browser cannot tell. */
async function isSigned(note, verifier) {
  // The key's id is the beginning of a hash over its name and itself.
  const id = hex((await sha256(text.encode(`${verifier.name}\n`), verifier.bytes)).subarray(0, 4));
  if (id !== verifier.id) return false;
  let key;
  try {
    key = await crypto.subtle.importKey("raw", verifier.bytes.subarray(1), { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    if (error.name === "NotSupportedError") return null;
    throw error;
  }
  for (const { name, id: signer, signature } of note.signatures) {
    if (name !== verifier.name || signer !== id) continue;
    if (await crypto.subtle.verify({ name: "Ed25519" }, key, signature, text.encode(note.signed))) return true;
  }
  return false;
}

async function step(title, work) {
  try {
    return { title, ...await work() };
  } catch (error) {
    return { title, holds: false, words: `It cannot be checked: ${error.message}.` };
  }
}

/**
 * Checks an answer of `/v1/audit/proof` for the record of that number, as an auditor would: `{title, holds, words}` for
 * each step, where `holds` is null for what this browser cannot tell. `kept` is a key that the reader kept elsewhere.
 */
export async function checkProof(proof, index, kept) {
  const verifierText = kept || proof.verifierKey;
  const record = bytesOfBase64(proof.recordBytes);
  const leaf = await leafHash(record);
  return [
    await step("The record that is shown is what its bytes say", async () => {
      const wrong = differences(proof.record, decodeRecord(record));
      if (BigInt(proof.record.index) !== index) wrong.unshift("number");
      return wrong.length > 0
        ? { holds: false, words: `These differ: ${wrong.join(", ")}.` }
        : { holds: true, words: `${record.length} bytes, decoded and compared field by field.` };
    }),
    await step("The bytes have the leaf hash that is shown", async () => ({
      holds: hex(leaf) === proof.record.leafHash,
      words: `SHA-256 of 0x00 and the bytes is ${hex(leaf)}.`,
    })),
    await step("The path leads from the leaf to the checkpoint's root", async () => {
      const note = parseNote(proof.checkpoint);
      const root = await rootOf(leaf, index, note.size, proof.hashes.map(bytesOfHex));
      const holds = hex(root) === hex(note.root) && hex(root) === proof.rootHash && note.size === BigInt(proof.treeSize);
      return { holds, words: `${proof.hashes.length} hashes lead to ${hex(root)}; the checkpoint of ${note.size} records has ${hex(note.root)}.` };
    }),
    await step("The checkpoint is signed", async () => {
      const [note, verifier] = [parseNote(proof.checkpoint), parseVerifierKey(verifierText)];
      if (note.origin !== verifier.name) return { holds: false, words: `It is of the log ${note.origin}, the key of ${verifier.name}.` };
      const holds = await isSigned(note, verifier);
      const whose = kept ? "the key that you gave" : "the key that came with the answer";
      if (holds === null) return { holds, words: "This browser cannot check Ed25519. Use lobstack audit prove." };
      return { holds, words: holds ? `Ed25519, by ${whose}.` : `No signature on it is valid for ${whose}.` };
    }),
  ];
}
