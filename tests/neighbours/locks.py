"""Other people's Redis locks, one per process, told by lines what to do: `lock TTL_MS`, `lock none`, `unlock`.

Each answers every line with `yes` or `no`. usage: locks.py KIND KEY URL...
"""

import sys
import uuid

import redis
import redlock


class OfRedlockPy:
    """Redlock as redlock-py has it, over all servers, with its own retries."""

    def __init__(self, key, urls):
        self.key = key
        self.manager = redlock.Redlock(urls)
        self.held = None

    def lock(self, ttl_ms):
        try:
            self.held = self.manager.lock(self.key, ttl_ms)
        except redlock.MultipleRedlockException:
            # A server was away; what it raises instead of saying no.
            return False
        return bool(self.held)

    def unlock(self):
        self.manager.unlock(self.held)
        return True


class OfRedisPy:
    """redis-py's own Lock, on one server. Without a timeout its key has no ttl: the default."""

    def __init__(self, key, urls):
        self.key = key
        self.client = redis.Redis.from_url(urls[0])
        self.held = None

    def lock(self, ttl_ms):
        lock = self.client.lock(self.key, timeout=ttl_ms and ttl_ms / 1000)
        if not lock.acquire(blocking=False):
            return False
        self.held = lock
        return True

    def unlock(self):
        try:
            self.held.release()
        except redis.exceptions.LockNotOwnedError:
            return False
        return True


class OfTutorials:
    """The lock by WATCH, MULTI and EXEC on one server that tutorials show."""

    def __init__(self, key, urls):
        self.key = key
        self.client = redis.Redis.from_url(urls[0])
        self.held = None

    def lock(self, ttl_ms):
        identifier = str(uuid.uuid4())
        with self.client.pipeline() as pipe:
            try:
                pipe.watch(self.key)
                if pipe.get(self.key) is not None:
                    return False
                pipe.multi()
                pipe.set(self.key, identifier, px=ttl_ms)
                pipe.execute()
            except redis.WatchError:
                return False
        self.held = identifier
        return True

    def unlock(self):
        with self.client.pipeline() as pipe:
            try:
                pipe.watch(self.key)
                if pipe.get(self.key) != self.held.encode():
                    return False
                pipe.multi()
                pipe.delete(self.key)
                pipe.execute()
            except redis.WatchError:
                return False
        return True


KINDS = {"redlock-py": OfRedlockPy, "redis-py": OfRedisPy, "tutorial": OfTutorials}


def main():
    kind, key, *urls = sys.argv[1:]
    lock = KINDS[kind](key, urls)
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "lock":
            done = lock.lock(None if words[1] == "none" else int(words[1]))
        else:
            done = lock.unlock()
        print("yes" if done else "no", flush=True)


main()
