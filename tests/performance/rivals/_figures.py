"""What every rival tells of itself."""

import json
import time
from pathlib import Path


class Meter:
    """Counts events, and the time and CPU time from the first to the last of them."""

    def __init__(self) -> None:
        self.seen = 0
        self._begun = self._ended = (0.0, 0.0)

    def see(self) -> None:
        if not self.seen:
            self._begun = time.perf_counter(), time.process_time()
        self.seen += 1

    def end(self) -> None:
        self._ended = time.perf_counter(), time.process_time()

    def tell(self) -> None:
        """Print the figures; the memory is the most that the process ever held, in MiB."""
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        peak_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
        seconds, cpu = (end - begin for begin, end in zip(self._begun, self._ended, strict=True))
        print(json.dumps({"events": self.seen, "seconds": seconds, "cpu": cpu, "peak_mb": peak_kb / 1024}))
