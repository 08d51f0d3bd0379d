// Runs one script in the 32-bit MicroPython VM. The job is JSON on stdin, see run_wasm32 in vms.py;
// prints what the script prints, ends with exit code 1 and the traceback if it raises.
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";

const MODULES = "/modules";
const PRELUDE = `
import builtins, sys
builtins.ptr8 = builtins.ptr16 = builtins.ptr32 = lambda buffer: buffer
sys.path.insert(0, "${MODULES}")
del builtins, sys
`;

const job = JSON.parse(readFileSync(0, "utf8"));
const { loadMicroPython } = await import(pathToFileURL(job.vm));
const vm = await loadMicroPython({
    heapsize: job.heap_bytes,
    linebuffer: false,
    stdout: (bytes) => process.stdout.write(bytes),
});
for (const [path, source] of Object.entries(job.files)) {
    const file = `${MODULES}/${path}`;
    vm.FS.mkdirTree(dirname(file));
    vm.FS.writeFile(file, source);
}
try {
    vm.runPython(PRELUDE);
    vm.runPython(job.script);
} catch (error) {
    process.stderr.write(error.message);
    process.exitCode = 1;
}
