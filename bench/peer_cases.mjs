// SPDX-License-Identifier: MIT
// Cases of bench_crdt that the peers' own driver does not have; ./dev bench crdt copies this beside
// their adapters. node --expose-gc peer_cases.mjs LIBRARY CASE […] prints one line of JSON.
import fs from 'fs';
import path from 'path';
import { memDelta, memNow, mk, now, trace } from './common.mjs';

const [library, kind, ...rest] = process.argv.slice(2);
const answer = o => console.log(JSON.stringify({ library, case: kind, ...o }));

// What a call from JavaScript into wasm costs when the callee does nothing: without an argument,
// and with a one-letter string, which is copied into the module's memory as wasm-bindgen does it.
async function boundary() {
    const bytes = Uint8Array.from([
        0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,                       // magic, version
        1, 6, 1, 0x60, 2, 0x7f, 0x7f, 0,                       // type (i32, i32) -> ()
        3, 2, 1, 0, 5, 3, 1, 0, 1,                             // one function, one page of memory
        7, 9, 2, 1, 0x66, 0, 0, 1, 0x6d, 2, 0,                 // exports f and m
        10, 4, 1, 2, 0, 0x0b,                                  // body: nothing
    ]);
    const { instance } = await WebAssembly.instantiate(bytes, {});
    const { f, m } = instance.exports;
    const memory = new Uint8Array(m.buffer);
    const encoder = new TextEncoder();
    const n = 1e6;
    const timed = work => {
        for (let i = 0; i < n; i++) work(i);
        const begin = now();
        for (let i = 0; i < n; i++) work(i);
        return (now() - begin) * 1e6 / n;
    };
    answer({
        emptyNs: timed(i => f(i, 1)),
        stringNs: timed(i => f(i, encoder.encodeInto('x', memory).written)),
    });
}

// The same 10,000 operations of two replicas that do not see each other, each with an update of its
// own; a third one gets them in a batch. bench_crdt draws the same numbers.
async function mixed(Doc, caps) {
    if (!caps.array || !caps.map) return;
    const updates = [];
    for (const id of [1, 2]) {
        const doc = new Doc(u => updates.push(u), id);
        const draw = mk(id);
        let chars = 0, items = 0;
        for (let i = 0; i < 5000; i++) {
            const what = draw.int(0, 2);
            if (what === 0) {
                doc.set('k' + draw.int(0, 99), draw.int(0, 1000000));
            } else if (what === 1) {
                doc.insA(draw.int(0, items++), [draw.int(0, 1000000)]);
            } else if (chars > 10 && draw.int(0, 3) === 0) {
                doc.del(draw.int(0, chars - 1), 1);
                chars--;
            } else {
                const word = draw.word(1, 5);
                doc.ins(draw.int(0, chars), word);
                chars += word.length;
            }
        }
    }
    const doc = new Doc(null, 3);
    const begin = now();
    doc.applyMany(updates);
    doc.text();
    answer({ usPerOp: (now() - begin) * 1000 / updates.length, updates: updates.length });
}

// What one loaded document takes; the file is the smallest that holds the full history or only the
// text (`one.mjs LIBRARY local TRACE` wrote them).
async function loaded(Doc, [name, history]) {
    const folder = process.env.PEER_TMP;
    const full = f => /\.(toBytes|save|snapshot|update)\.bin$/.test(f) || library === 'yjs-nogc';
    const files = fs.readdirSync(folder)
        .filter(f => f.startsWith(`${library}.${name}.`) && full(f) === (history === 'full'))
        .map(f => ({ variant: f.split('.').at(-2), bytes: fs.readFileSync(path.join(folder, f)) }));
    if (files.length === 0) return;
    files.sort((a, b) => a.bytes.length - b.bytes.length);
    const end = trace(name).end;
    const load = () => {
        const doc = Doc.load(files[0].bytes, files[0].variant);
        if (doc.text() !== end) process.exit(1);
        return doc;
    };
    const kept = [load()];                                      // pays what only the first one costs
    const before = memNow();
    for (let i = 0; i < 4; i++) kept.push(load());              // wasm grows in pages: take several
    const memory = memDelta(before, memNow());
    const outside = Math.max(0, memory.external, memory.wasm);
    answer({ bytes: (Math.max(0, memory.jsHeap) + outside) / 4, documents: kept.length });
}

if (kind === 'boundary') {
    await boundary();
} else {
    const { Doc, caps } = await import(`./adapters/${library}.mjs`);
    if (kind === 'mixed') await mixed(Doc, caps);
    if (kind === 'loaded') await loaded(Doc, rest);
}
