// Runs a script in the 32-bit MicroPython VM. The job is a JSON file, see WasmVm in targets.py;
// prints what the script prints, ends with exit code 1 and the traceback if it raises.
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";

const HOME = "/run";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { loadMicroPython } = await import(pathToFileURL(job.vm));
const vm = await loadMicroPython({
    linebuffer: false,
    stdout: (bytes) => process.stdout.write(bytes),
});
vm.FS.mkdirTree(HOME);
vm.FS.chdir(HOME);
for (const [path, data] of Object.entries(job.files)) {
    const file = `${HOME}/${path}`;
    vm.FS.mkdirTree(dirname(file));
    vm.FS.writeFile(file, Buffer.from(data, "base64"));
}
try {
    vm.runPython(`import sys; sys.path.insert(0, "${HOME}")`);
    for (const part of job.parts) {
        vm.runPython(part);
    }
} catch (error) {
    process.stderr.write(error.message);
    process.exitCode = 1;
}
