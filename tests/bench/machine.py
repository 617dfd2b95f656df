# SPDX-License-Identifier: Apache-2.0
"""The kernel's own account of processes: CPU time, memory, and where they run."""
import os
import pathlib
import re
import resource
import signal
import subprocess

SERVER_CPU, LOAD_CPU = 0, 1


def _prepare(cpu):
    """Runs in the child: pinned (unless cpu is None), preferred over whatever else the machine does, many descriptors."""
    os.sched_setaffinity(0, range(os.cpu_count()) if cpu is None else {cpu})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        os.setsid()  # a scheduling group of its own (sched_autogroup), so that its weight counts
        os.nice(-15)
        pathlib.Path("/proc/self/autogroup").write_text("-15")
    except OSError:
        pass  # not root: the figures are then noisier


def start(argv, cpu, **kwargs):
    return subprocess.Popen([str(a) for a in argv], preexec_fn=lambda: _prepare(cpu), **kwargs)


def stop(process, seconds=10):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            for pid in tree(process.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            process.wait()


def _stat(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2:].split()


def tree(root):
    """The process and all its descendants."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)] = int(_stat(int(entry))[1])
            except (FileNotFoundError, ProcessLookupError):
                pass
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += [child for child, parent in parents.items() if parent == pid]
    return found


def role_name(pid):
    """What a process is called in a table: the word behind --role, or its name."""
    argv = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    words = [a.decode(errors="replace") for a in argv if a]
    for i, word in enumerate(words):
        if word == "--role" and i + 1 < len(words):
            return words[i + 1]
        if word.startswith("--role="):
            return word[len("--role="):]
    title = re.match(r"\S+: (\w+)", words[0]) if words else None
    return title.group(1) if title else pathlib.Path(f"/proc/{pid}/comm").read_text().strip()


def cpu_ns(root):
    """{pid: (name, nanoseconds on a CPU)} of the tree, from /proc/PID/task/*/schedstat."""
    result = {}
    for pid in tree(root):
        try:
            ns = sum(int((task / "schedstat").read_text().split()[0])
                     for task in pathlib.Path(f"/proc/{pid}/task").iterdir())
            result[pid] = (role_name(pid), ns)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return result


def pss_kb(root):
    """{pid: (name, KiB)} of the tree, from smaps_rollup."""
    result = {}
    for pid in tree(root):
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            result[pid] = (role_name(pid), int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1)))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return result


def by_role(before, after):
    """Differences of two cpu_ns() results, added up by role."""
    roles = {}
    for pid, (name, value) in after.items():
        roles[name] = roles.get(name, 0) + value - before.get(pid, (name, 0))[1]
    return roles


def total(values):
    return sum(value for _, value in values.values())
