"""The sizes that a port of the kernel fixes, and the ports that are named here."""

from __future__ import annotations

from dataclasses import dataclass

from mremap_impl.words import Words


@dataclass(frozen=True, slots=True)
class Geometry:
    """One port: shifts in bits, `task_size` the first address past user space.

    Only what makes every shift defined is asked for: 0 <= page_shift < pmd_shift < word_bits, else ValueError.
    That a geometry is a sensible one (a page of more than a byte, a LATENCY_LIMIT that does not wrap to 0) is for
    whoever makes it: what happens without is worth running.
    """

    name: str
    word_bits: int
    page_shift: int
    pmd_shift: int
    task_size: int

    def __post_init__(self) -> None:
        if not 0 <= self.page_shift < self.pmd_shift < self.word_bits:
            raise ValueError(f"{self.name}: want 0 <= page_shift < pmd_shift < word_bits, not {self}")

    @property
    def words(self) -> Words:
        return Words(self.word_bits)

    @property
    def PAGE_SIZE(self) -> int:
        return 1 << self.page_shift

    @property
    def PMD_SIZE(self) -> int:
        """Bytes that one pte table maps."""
        return 1 << self.pmd_shift

    @property
    def PMD_MASK(self) -> int:
        return self.words.invert(self.PMD_SIZE - 1)

    @property
    def PTRS_PER_PTE(self) -> int:
        """Entries in one pte table."""
        return 1 << (self.pmd_shift - self.page_shift)

    @property
    def LATENCY_LIMIT(self) -> int:
        """Most bytes moved under one hold of the locks."""
        return self.words.mul(64, self.PAGE_SIZE)


# Linux 2.6.18, but for s390x: 4.14 with up to 5 levels.
I386 = Geometry("i386", word_bits=32, page_shift=12, pmd_shift=22, task_size=0xC000_0000)
I386_PAE = Geometry("i386_pae", word_bits=32, page_shift=12, pmd_shift=21, task_size=0xC000_0000)
X86_64 = Geometry("x86_64", word_bits=64, page_shift=12, pmd_shift=21, task_size=0x7FFF_FFFF_F000)
ARM = Geometry("arm", word_bits=32, page_shift=12, pmd_shift=21, task_size=0xBF00_0000)
PARISC32 = Geometry("parisc32", word_bits=32, page_shift=12, pmd_shift=21, task_size=0xFFF0_0000)
S390X = Geometry("s390x", word_bits=64, page_shift=12, pmd_shift=20, task_size=0xFFFF_FFFF_FFFF_F000)

NAMED = (I386, I386_PAE, X86_64, ARM, PARISC32, S390X)
