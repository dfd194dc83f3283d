// Compiles the contracts of this folder to build/<Name>.json (abi, bytecode); the same sources give the same bytes.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const CONTRACTS = ["NoReturnToken"];
const here = dirname(fileURLToPath(import.meta.url));
const build = join(here, "build");

const input = {
  language: "Solidity",
  sources: Object.fromEntries(
    CONTRACTS.map((name) => [`${name}.sol`, { content: readFileSync(join(here, `${name}.sol`), "utf8") }]),
  ),
  settings: {
    evmVersion: "paris",
    optimizer: { enabled: true, runs: 200 },
    metadata: { appendCBOR: false, bytecodeHash: "none" }, // no hash of paths or comments in the code
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
  },
};

const output = JSON.parse(solc.compile(JSON.stringify(input)));
for (const problem of output.errors ?? []) console.error(problem.formattedMessage);
if ((output.errors ?? []).length > 0) process.exit(1); // warnings too: these contracts are small enough to have none

mkdirSync(build, { recursive: true });
for (const name of CONTRACTS) {
  const { abi, evm } = output.contracts[`${name}.sol`][name];
  const artifact = JSON.stringify({ abi, bytecode: "0x" + evm.bytecode.object }, null, 2) + "\n";
  const target = join(build, `${name}.json`);
  writeFileSync(`${target}.${process.pid}`, artifact); // renamed, so that two runs at once never show half a file
  renameSync(`${target}.${process.pid}`, target);
}
