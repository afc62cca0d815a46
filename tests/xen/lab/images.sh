#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# images.sh ROOT PROGRAM...: put together what the laboratory boots, below
# ROOT/build/xen: `xen`, `dom0.vmlinux` and `dom0.cpio`, in which the guests'
# kernel and initramfs lie as files. The PROGRAMs are put into dom0 and guests
# alike as /lab/bin, with the libraries that they need.
#
# Nothing is installed: packages are downloaded and unpacked, once for each
# version, and there is no root file system but what busybox makes of one.
set -euo pipefail

root=$1
shift
readonly programs=("$@")
readonly here=$root/tests/xen/lab
readonly build=$root/build/xen
readonly xen=4.17
readonly libraries=lib/x86_64-linux-gnu
readonly drivers=kernel/drivers/xen
# In the order in which they are inserted.
readonly dom0_modules=("$drivers/xen-privcmd" "$drivers/xenfs/xenfs"
	"$drivers/xen-evtchn" "$drivers/xen-gntdev" "$drivers/xen-gntalloc")
readonly guest_modules=("$drivers/xen-evtchn" "$drivers/xen-gntdev"
	"$drivers/xen-gntalloc")

die() {
	printf 'xen: %s\n' "$*" >&2
	exit 1
}

# ---- packages ----

readonly packages=$build/packages
# shellcheck source=tests/xen/packages.sh
source "$root/tests/xen/packages.sh"

# The package that a kernel's meta package stands for.
kernel_package() {
	apt-cache show --no-all-versions "$1" 2>/dev/null |
		sed -nE 's/^Depends: (linux-image-[^ ,]+).*/\1/p' | head -n 1
}

# Package lists that are missing or old name nothing that can be downloaded.
update_lists() {
	[[ $(kernel_package linux-image-amd64) &&
		$(version "xen-hypervisor-$xen-amd64") ]] ||
		apt-get update -q
}

fetch() {
	local dom0 guest

	update_lists
	dom0=$(kernel_package linux-image-amd64)
	guest=$(kernel_package linux-image-cloud-amd64)
	[[ $dom0 && $guest ]] || die "apt knows no kernel's package"
	hypervisor=$(unpacked "xen-hypervisor-$xen-amd64")
	tools=$(unpacked "xen-utils-$xen")
	xenstore=$(unpacked xenstore-utils)
	dom0_kernel=$(unpacked "$dom0")
	guest_kernel=$(unpacked "$guest")
}

# ---- kernels ----

number_at() {
	od -A n -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '
}

# Cut the ELF out of a bzImage, as the boot protocol's header says where it is:
# to unpack xz in an emulated machine takes long.
unpack_kernel() {
	local bzimage=$1 elf=$2
	local start length

	[[ ! $elf -nt $bzimage ]] || return 0
	start=$((($(number_at "$bzimage" 0x1f1 1) + 1) * 512 + \
		$(number_at "$bzimage" 0x248 4)))
	length=$(number_at "$bzimage" 0x24c 4)
	# Behind what xz made stand four bytes with the length.
	dd if="$bzimage" iflag=skip_bytes,count_bytes bs=1M skip="$start" \
		count=$((length - 4)) status=none |
		xz -dc --single-stream >"$elf.new"
	mv "$elf.new" "$elf"
}

# ---- file systems ----

# add_program TREE FILE PLACE: with all shared libraries that it needs.
add_program() {
	local tree=$1 file=$2 place=$3
	local library

	install -D "$file" "$tree/$place"
	while IFS= read -r library; do
		add_library "$tree" "$library"
	done < <(ldd "$file" 2>/dev/null |
		sed -nE 's/.*(=> |^[[:space:]]+)(\/[^ ]+) .*/\2/p')
}

add_library() {
	local tree=$1 library=$2
	local to=$libraries/${library##*/}

	[[ ${library##*/} != ld-linux* ]] || to=lib64/${library##*/}
	[[ -e $tree/$to ]] || install -D "$library" "$tree/$to"
}

# What dom0 and guests have alike.
add_base() {
	local tree=$1
	local applet program

	mkdir -p "$tree"/{bin,dev,etc,proc,sys,tmp,run,var,lab/log}
	ln -s ../run "$tree/var/run"
	mkdir "$tree/run/xen"
	install -m 0644 -t "$tree/lab" "$here/domain.sh"
	install -D "$(command -v busybox)" "$tree/bin/busybox"
	# The others are made in the domain, which is quicker.
	ln -s busybox "$tree/bin/sh"
	# The C library loads it when a thread is ended.
	add_library "$tree" "$(gcc -print-file-name=libgcc_s.so.1)"
	add_program "$tree" "$xenstore/usr/bin/xenstore" bin/xenstore
	for applet in chmod exists list ls read rm watch write; do
		ln -sf xenstore "$tree/bin/xenstore-$applet"
	done
	for program in "${programs[@]}"; do
		[[ -e $program ]] || continue
		case $program in
		*/libheliograph-*.so) add_program "$tree" "$program" \
			"lab/modules/${program##*/}" ;;
		*) add_program "$tree" "$program" \
			"lab/bin/${program##*/}" ;;
		esac
	done

}

# add_modules TREE KERNEL-FOLDER MODULE...: numbered, in this order.
add_modules() {
	local tree=$1 kernel=$2
	local module n=0

	shift 2
	for module; do
		n=$((n + 1))
		install -D "$kernel"/lib/modules/*/"$module.ko" \
			"$tree/lab/modules.d/$n-${module##*/}.ko"
	done
}

pack() {
	local tree=$1 image=$2

	(cd "$tree" && find . | cpio --quiet -o -H newc -R 0:0) >"$image.new"
	mv "$image.new" "$image"
}

make_guest() {
	local tree=$build/tree/guest

	add_base "$tree"
	add_modules "$tree" "$guest_kernel" "${guest_modules[@]}"
	install "$here/guest.sh" "$tree/init"
	pack "$tree" "$build/guest.cpio"
}

make_dom0() {
	local tree=$build/tree/dom0
	local bin=usr/lib/xen-$xen/bin
	local tool

	add_base "$tree"
	add_modules "$tree" "$dom0_kernel" "${dom0_modules[@]}"
	for tool in xl xenstored xenconsoled xen-init-dom0 vchan-socket-proxy \
		lsevtchn; do
		add_program "$tree" "$tools/$bin/$tool" "$bin/$tool"
		ln -sf "/$bin/$tool" "$tree/bin/$tool"
	done
	mkdir -p "$tree"/{etc/xen,var/lib/xen,var/log/xen,var/lib/xenstored}
	touch "$tree/etc/xen/xl.conf"
	install "$here/dom0.sh" "$tree/init"
	install -t "$tree/lab" -m 0644 "$here"/{bench,bus,steps,test}.sh
	install -D -t "$tree/lab/tests" -m 0644 "$here"/tests/*.sh
	install -m 0644 "$build/guest.vmlinuz" "$tree/lab/guest.vmlinuz"
	install -m 0644 "$build/guest.cpio" "$tree/lab/guest.cpio"
	pack "$tree" "$build/dom0.cpio"
}

mkdir -p "$build"
fetch
zcat "$hypervisor/boot/xen-$xen-amd64.gz" >"$build/xen"
unpack_kernel "$dom0_kernel"/boot/vmlinuz-* "$build/dom0.vmlinux"
cp "$guest_kernel"/boot/vmlinuz-* "$build/guest.vmlinuz"
rm -rf "$build/tree"
make_guest
make_dom0
