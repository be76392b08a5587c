"""Become another program that dies with its parent and, where it must, is not root.

Run by path (`python -I -S child.py [options] -- program arguments`) so that it costs a few milliseconds.

A server must not outlive the process that started it, even one ended by SIGKILL: the kernel sends it a
signal when the parent dies. PostgreSQL refuses to run as root: inside a user namespace the same user has
another number; where namespaces are forbidden we become `nobody` instead.
"""

import argparse
import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
CANNOT_DROP_ROOT = 77


def has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def ordinary_account() -> pwd.struct_passwd:
    """Choose the account to appear as: `nobody`, else any that is not root."""
    accounts = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    named = [entry for entry in accounts if entry.pw_name == "nobody"]
    if not accounts:
        raise OSError("this system has no account except root")
    return (named or accounts)[0]


def call(function: Callable[..., int], *arguments: int) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def enter_namespace(account: pwd.struct_passwd) -> None:
    """Appear as `account` to ourselves; to everyone else nothing changes, so files stay ours."""
    uid, gid = os.getuid(), os.getgid()
    call(ctypes.CDLL(None, use_errno=True).unshare, CLONE_NEWUSER)
    Path("/proc/self/uid_map").write_text(f"{account.pw_uid} {uid} 1", encoding="ascii")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{account.pw_gid} {gid} 1", encoding="ascii")


def become(account: pwd.struct_passwd) -> None:
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def give(directory: Path, uid: int, gid: int) -> None:
    """Hand a directory over, unless it already belongs to `uid`."""
    if directory.stat().st_uid == uid:
        return
    for folder, _, files in os.walk(directory):
        for path in (folder, *(os.path.join(folder, name) for name in files)):  # noqa: PTH118 - as os.walk gives it
            os.chown(path, uid, gid, follow_symlinks=False)


def in_namespace(action: Callable[[], None]) -> bool:
    """Try in a child process first: a namespace entered half-way cannot be left again."""
    pid = os.fork()
    if pid == 0:
        try:
            action()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def drop_root(program: str, directory: Path) -> None:
    """Leave root behind, the data directory staying readable. Raises OSError when no way is open."""
    account = ordinary_account()
    if in_namespace(lambda: enter_namespace(account)):
        if os.getuid() == 0:
            give(directory, 0, 0)
        enter_namespace(account)
        return
    if os.getuid() != 0:
        raise OSError(f"user {os.getuid()} has no account, and user namespaces are not allowed here")
    give(directory, account.pw_uid, account.pw_gid)
    become(account)
    if not os.access(program, os.X_OK) or not os.access(directory, os.W_OK | os.X_OK):
        raise OSError(
            f"user namespaces are not allowed here and {account.pw_name} cannot read {program} or {directory}"
        )


def die_with_parent(parent: int, deadly: int) -> None:
    """Ask for `deadly` when the parent's thread that started us ends; too late if the parent is gone already."""
    if sys.platform != "linux":
        return
    call(ctypes.CDLL(None, use_errno=True).prctl, PR_SET_PDEATHSIG, deadly, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--deadly", type=int, default=int(signal.SIGTERM))
    parser.add_argument("--unprivileged", type=Path, metavar="DATA")
    parser.add_argument("program", nargs="+")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    program: list[str] = options.program
    if options.unprivileged is not None and (os.getuid() == 0 or not has_account(os.getuid())):
        try:
            drop_root(program[0], options.unprivileged)
        except OSError as error:
            sys.stderr.write(f"{Path(program[0]).name} must not run as root: {error}\n")
            sys.exit(CANNOT_DROP_ROOT)
    # After the change of identity: the kernel forgets the wish when credentials change.
    die_with_parent(options.parent, options.deadly)
    os.execv(program[0], program)  # noqa: S606 - becoming this program is the purpose


if __name__ == "__main__":
    main(sys.argv[1:])
