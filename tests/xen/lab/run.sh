#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh ROOT MODE [ONLY]: boot what images.sh made and judge by what dom0
# says on the serial console. MODE is test, or shell to work in dom0 by hand;
# ONLY runs the tests whose file and name hold it. What all domains said is
# kept below ROOT/build/xen/log.
#
# QEMU emulates the processors, so this needs no rights and no KVM.
set -euo pipefail

root=$1
mode=$2
only=${3:-}
readonly build=$root/build/xen
readonly log=$build/log
# Nothing at all is silent for so long, and nothing takes longer in all.
silent_s=120 total_s=480
[[ $mode != bench ]] || total_s=1200
readonly silent_s total_s

die() {
	printf 'xen: %s\n' "$*" >&2
	exit 1
}

# Without smap dom0 would crash, without xsave and rdtscp guests would: the
# emulation of these is not what Xen expects.
boot() {
	exec qemu-system-x86_64 -machine q35 -smp 2 -m 1408M \
		-accel tcg,thread=multi,tb-size=256 \
		-cpu max,-smap,-xsave,-rdtscp \
		-nodefaults -display none -vga none -no-reboot -serial stdio \
		-kernel "$build/xen" -append "console=com1 com1=115200,8n1 \
dom0_mem=512M,max:512M dom0_max_vcpus=1 loglvl=warning guest_loglvl=warning" \
		-initrd "$build/dom0.vmlinux console=hvc0 rdinit=/init \
loglevel=4 panic=1 lab.mode=$mode lab.only=$only,$build/dom0.cpio"
}

stop_boot() {
	[[ -z ${qemu_pid:-} ]] || kill -KILL "$qemu_pid" 2>/dev/null || true
}

# take LINE: to the log of the domain that said it.
take() {
	local line=$1 name=console

	[[ ! $line =~ ^@([a-z0-9]+)\ (.*)$ ]] || {
		name=${BASH_REMATCH[1]}
		line=${BASH_REMATCH[2]}
	}
	printf '%5d.%01d %s\n' $((elapsed_ms / 1000)) \
		$((elapsed_ms / 100 % 10)) "$line" >>"$log/$name.log"
	[[ $name != lab ]] || judge "$line"
}

# A line of the laboratory itself.
judge() {
	printf '%4d s  %s\n' $((elapsed_ms / 1000)) "$1"
	n_said=$((n_said + 1))
	case $1 in
	'ok '*) n_passed=$((n_passed + 1)) ;;
	'not ok '*) failed+=("$1") ;;
	end) has_ended=true ;;
	esac
}

clock_ms() {
	local now=${EPOCHREALTIME/[.,]/}

	echo $((now / 1000))
}

# Read the console until the machine is off or a bound is reached.
follow() {
	local line now start

	start=$(clock_ms)
	while IFS= read -r -t "$silent_s" line <&"$1"; do
		now=${EPOCHREALTIME/[.,]/}
		elapsed_ms=$((now / 1000 - start))
		take "${line%%$'\r'*}"
		[[ $elapsed_ms -lt $((total_s * 1000)) ]] || {
			echo "xen: not done after $total_s s" >&2
			return
		}
	done
}

attempt() {
	local from

	rm -rf "$log"
	mkdir -p "$log"
	n_said=0 n_passed=0 failed=() has_ended=false
	exec {from}< <(boot 2>"$log/qemu.log" </dev/null)
	qemu_pid=$!
	follow "$from"
	stop_boot
	exec {from}<&-
	qemu_pid=
}

summary() {
	local line

	for line in "${failed[@]}"; do
		echo "$line"
	done
	echo "$n_passed passed, ${#failed[@]} failed, in $SECONDS s;" \
		"logs in build/xen/log/"
	[[ ${#failed[@]} -eq 0 && $has_ended == true ]] || die "FAILED"
	if [[ $mode == bench ]]; then
		"$root/tests/xen/lab/bench.py" "$log/lab.log"
	else
		[[ $n_passed -gt 0 ]] || die "no test was run"
	fi
}

command -v qemu-system-x86_64 >/dev/null ||
	die "no QEMU: install qemu-system-x86"
trap stop_boot EXIT
if [[ $mode == shell ]]; then
	boot
fi
attempt
[[ $n_said -gt 0 ]] || {
	echo "xen: THE EMULATED MACHINE DIED before it said anything;" \
		"trying once more (see build/xen/log.first)" >&2
	rm -rf "$log.first"
	mv "$log" "$log.first"
	attempt
}
summary
