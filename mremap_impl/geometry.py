"""The sizes that a port of the kernel fixes, and the ports that are named here."""

from __future__ import annotations

from dataclasses import dataclass

from mremap_impl.words import Words

MOST_BITS = 128
"""How many bits a word has at most: twice as many as any port has."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """One port: shifts in bits, `task_size` the first address past user space.

    A shift is log2 of the bytes that one entry of its level maps. A level with the shift of the one above it is folded
    away: it has no tables of its own.

    `pmd_addr_end_elided`: the port takes the helpers for a folded pmd, and there `pmd_addr_end` returns its end
    argument as it is. It does not follow from the shifts: a port may fold the pmd and keep the generic helper, as
    parisc32 does. It says nothing about tables, and only forms that ask that helper look at it.

    Only what makes every shift defined and the levels nest is asked for: 0 <= page_shift < pmd_shift <= pud_shift <=
    p4d_shift <= pgdir_shift < word_bits <= MOST_BITS, else ValueError. That a geometry is a sensible one (a page of
    more than a byte, a LATENCY_LIMIT that does not wrap to 0) is for whoever makes it: what happens without is worth
    running.
    """

    name: str
    word_bits: int
    page_shift: int
    pmd_shift: int
    pud_shift: int
    p4d_shift: int
    pgdir_shift: int
    task_size: int
    pmd_addr_end_elided: bool = False

    def __post_init__(self) -> None:
        lower = 0 <= self.page_shift < self.pmd_shift
        upper = self.pmd_shift <= self.pud_shift <= self.p4d_shift <= self.pgdir_shift
        if not (lower and upper and self.pgdir_shift < self.word_bits <= MOST_BITS):
            want = f"0 <= page_shift < pmd_shift <= .. <= pgdir_shift < word_bits <= {MOST_BITS}"
            raise ValueError(f"{self.name}: want {want}: {self}")

    @classmethod
    def two_levels(
        cls,
        name: str,
        word_bits: int,
        page_shift: int,
        pmd_shift: int,
        task_size: int,
        *,
        pmd_addr_end_elided: bool = False,
    ) -> Geometry:
        """A port with pte tables alone, below the pgd: all that lies between is folded away."""
        shifts = (page_shift, pmd_shift, pmd_shift, pmd_shift, pmd_shift)
        return cls(name, word_bits, *shifts, task_size, pmd_addr_end_elided)

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
    def PUD_SIZE(self) -> int:
        return 1 << self.pud_shift

    @property
    def PUD_MASK(self) -> int:
        return self.words.invert(self.PUD_SIZE - 1)

    @property
    def P4D_SIZE(self) -> int:
        return 1 << self.p4d_shift

    @property
    def P4D_MASK(self) -> int:
        return self.words.invert(self.P4D_SIZE - 1)

    @property
    def PGDIR_SIZE(self) -> int:
        return 1 << self.pgdir_shift

    @property
    def PGDIR_MASK(self) -> int:
        return self.words.invert(self.PGDIR_SIZE - 1)

    @property
    def p4d_folded(self) -> bool:
        """There are no p4d tables: an entry of the pgd is one of the p4d."""
        return self.p4d_shift == self.pgdir_shift

    @property
    def pud_folded(self) -> bool:
        return self.pud_shift == self.p4d_shift

    @property
    def pmd_folded(self) -> bool:
        return self.pmd_shift == self.pud_shift

    @property
    def PTRS_PER_PTE(self) -> int:
        """Entries in one pte table."""
        return 1 << (self.pmd_shift - self.page_shift)

    @property
    def LATENCY_LIMIT(self) -> int:
        """Most bytes moved under one hold of the locks."""
        return self.words.mul(64, self.PAGE_SIZE)


# Linux 2.6.18, but for s390x: 4.14 with up to 5 levels. (By 4.14 arm, too, had the helpers for a folded pmd.)
I386 = Geometry.two_levels(
    "i386", word_bits=32, page_shift=12, pmd_shift=22, task_size=0xC000_0000, pmd_addr_end_elided=True
)
I386_PAE = Geometry("i386_pae", 32, 12, 21, 30, 30, 30, task_size=0xC000_0000)
X86_64 = Geometry("x86_64", 64, 12, 21, 30, 39, 39, task_size=0x7FFF_FFFF_F000)
ARM = Geometry.two_levels("arm", word_bits=32, page_shift=12, pmd_shift=21, task_size=0xBF00_0000)
PARISC32 = Geometry.two_levels("parisc32", word_bits=32, page_shift=12, pmd_shift=21, task_size=0xFFF0_0000)
S390X = Geometry("s390x", 64, 12, 20, 31, 42, 53, task_size=0xFFFF_FFFF_FFFF_F000)

NAMED = (I386, I386_PAE, X86_64, ARM, PARISC32, S390X)
