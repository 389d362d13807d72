"""The kernels of the lab: for each port a package of Debian's, the machine that an emulator plays, and the compiler.

The geometry of each is a port of the specification, with the end of user space that the kernel has today.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Port:
    """A kernel that can be booted.

    `earlier`: other geometries of the same tables, whose vectors are its as well.
    `suite`, `architecture`, `kernel`: the package, or the one that stands for it.
    `image`: how the name of the kernel begins in its folder `boot`.
    `emulator`: the program; `needs`: the packages that it comes with; `machine`: its options.
    `console`: what the kernel calls the one that is listened to.
    `target`: the program that compiles for it; `headers`: the package with its C library.
    `seconds`: how long a guest may run.
    """

    name: str
    geometry: str
    suite: str
    architecture: str
    kernel: str
    image: str
    emulator: str
    needs: tuple[str, ...]
    machine: tuple[str, ...]
    console: str
    target: str
    headers: str
    earlier: tuple[str, ...] = ()
    seconds: int = 300

    @property
    def compiler(self) -> tuple[str, str]:
        """The packages with the compiler, and with the C library."""
        return f"gcc-{self.target.removesuffix('-gcc-12').replace('_', '-')}", self.headers


PACKAGES = {
    "x86_64": ("qemu-system-x86",),
    "s390x": ("qemu-system-misc",),
    "arm": ("qemu-system-arm",),
    "mipsel": ("qemu-system-mips",),
    "aarch64": ("qemu-system-arm",),
    "ppc64": ("qemu-system-ppc",),
    "riscv64": ("qemu-system-misc", "opensbi"),
}
"""The packages that an emulator comes with."""


def _port(
    name: str,
    geometries: str,
    package: str,
    image: str,
    emulator: str,
    machine: str,
    console: str,
    target: str,
    libc: str,
) -> Port:
    suite, architecture, kernel = package.split("/")
    geometry, *earlier = geometries.split()
    return Port(
        name,
        geometry,
        suite,
        architecture,
        kernel,
        image,
        f"qemu-system-{emulator}",
        PACKAGES[emulator],
        tuple(machine.split()),
        console,
        f"{target}-gcc-12",
        f"libc6-dev-{libc}-cross",
        tuple(earlier),
    )


SERIAL = "-serial stdio"
PSERIES = "pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off"

PORTS: tuple[Port, ...] = (
    _port(
        "x86-64", "x86_64_5level", "bookworm/amd64/linux-image-cloud-amd64", "vmlinuz", "x86_64",
        f"-M pc -cpu max -m 256 {SERIAL}", "ttyS0", "x86_64-linux-gnu", "amd64",
    ),
    _port(
        "s390x", "s390x", "bookworm/s390x/linux-image-s390x", "vmlinuz", "s390x",
        "-M s390-ccw-virtio -cpu max -m 512 -chardev stdio,id=console -device sclpconsole,chardev=console", "ttysclp0",
        "s390x-linux-gnu", "s390x",
    ),
    _port(
        "i386", "i386", "bookworm/i386/linux-image-686", "vmlinuz", "x86_64",
        f"-M pc -cpu qemu32 -m 256 {SERIAL}", "ttyS0", "i686-linux-gnu", "i386",
    ),
    _port(
        "armhf", "arm_4_14", "bookworm/armhf/linux-image-armmp", "vmlinuz", "arm",
        f"-M virt -cpu cortex-a15 -m 512 {SERIAL}", "ttyAMA0", "arm-linux-gnueabihf", "armhf",
    ),
    _port(
        "mipsel", "mips32_4_14", "bookworm/mipsel/linux-image-4kc-malta", "vmlinuz", "mipsel",
        f"-M malta -cpu 24Kf -m 256 {SERIAL}", "ttyS0", "mipsel-linux-gnu", "mipsel",
    ),
    _port(
        "arm64", "arm64_4k_48", "bookworm/arm64/linux-image-cloud-arm64", "vmlinuz", "aarch64",
        f"-M virt -cpu cortex-a57 -m 512 {SERIAL}", "ttyAMA0", "aarch64-linux-gnu", "arm64",
    ),
    _port(
        "ppc64el", "ppc64_radix_64k_6_1 ppc64_radix_64k", "bookworm/ppc64el/linux-image-powerpc64le", "vmlinux",
        "ppc64", f"-M {PSERIES} -cpu power9 -m 1024 {SERIAL}", "hvc0", "powerpc64le-linux-gnu", "ppc64el",
    ),
    _port(
        "riscv64", "riscv_sv57", "trixie/riscv64/linux-image-riscv64", "vmlinux", "riscv64",
        f"-M virt -m 512 {SERIAL}", "ttyS0", "riscv64-linux-gnu", "riscv64",
    ),
)  # fmt: skip

NEWEST = replace(PORTS[0], name="x86-64, newest", suite="sid")
"""The newest kernel to be had."""
