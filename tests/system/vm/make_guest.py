# SPDX-License-Identifier: MIT
"""make_guest.py KIND FILE: write a boot sector, the smallest machine there is.

It runs in real mode on what QEMU calls `pc`, says `up` on the first serial
port, and then, by KIND:

    obedient  shuts down when its power button is pressed
    deaf      hears nothing
    leaving   shuts down
    restless  resets itself, once and again
"""

import struct
import sys

# Ports of the chipset's power management, as SeaBIOS places it.
PM_STATUS, PM_ENABLE, PM_CONTROL = 0x600, 0x602, 0x604
POWER_BUTTON = 0x100
SOFT_OFF = 0x2000
COM1 = 0x3F8


def word(value):
    return struct.pack("<H", value)


def out_word(port, value):
    """mov dx, port; mov ax, value; out dx, ax"""
    return b"\xba" + word(port) + b"\xb8" + word(value) + b"\xef"


def jump_back(to_jump, over):
    """A two-byte jump over `over` and itself, backwards."""
    return over + to_jump + struct.pack("b", -(len(over) + 2))


def say(text):
    return b"".join(
        b"\xba" + word(COM1) + b"\xb0" + bytes([byte]) + b"\xee"
        for byte in text  # mov dx, COM1; mov al, byte; out dx, al
    )


HALT = jump_back(b"\xeb", b"\xf4")  # hlt; jmp
OFF = out_word(PM_CONTROL, SOFT_OFF) + HALT
# in ax, PM_STATUS; test ah, 1; jz
UNTIL_BUTTON = jump_back(
    b"\x74", b"\xba" + word(PM_STATUS) + b"\xed" + b"\xf6\xc4\x01")
RESET = b"\xb0\xfe\xe6\x64" + HALT  # mov al, 0xfe; out 0x64, al

KINDS = {
    "obedient": out_word(PM_ENABLE, POWER_BUTTON) + say(b"up\n")
    + UNTIL_BUTTON + OFF,
    "deaf": say(b"up\n") + HALT,
    "leaving": say(b"up\n") + OFF,
    "restless": say(b"up\n") + RESET,
}


def main():
    kind, path = sys.argv[1:]
    code = b"\xfa" + KINDS[kind]  # cli
    with open(path, "wb") as image:
        image.write(code.ljust(510, b"\0") + b"\x55\xaa")
        image.truncate(1 << 20)  # of less, the BIOS makes no cylinder


main()
