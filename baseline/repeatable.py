"""Training that gives the same model for the same seed."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Start torch's random numbers from a seed, and let it compute in one thread; afterwards all is as it was.

    What is trained here is so small that threads wait for each other longer than they work: on two cores that were
    busy, too, a step of the two towers took 0.39 s in two threads and 0.06 s in one, a training of the network 21 s
    and 2.6 s. And sums come out alike whatever the number of cores.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
