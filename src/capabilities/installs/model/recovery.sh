#!/bin/sh
# Kyvos Manager Disaster Recovery.
#
# For the day when the Kyvos Managers have lost their majority: run it as root on a portal host. It looks first and
# changes nothing by itself. What has to be changed it does only when told to, and keeps a copy before:
#
#   km-disaster-recovery.sh             looks, and says what to do next
#   km-disaster-recovery.sh keep DIR    copies the data of the stopped Manager of this host to DIR
#
# KM (the program), KM_CONFIG (its configuration) and KM_UNIT (its service) may be set if they lie elsewhere.
set -u

KM=${KM:-$(command -v km || echo /usr/local/bin/km)}
KM_CONFIG=${KM_CONFIG:-/etc/km/km.toml}
KM_UNIT=${KM_UNIT:-kyvos-manager}

# The group as it was when this script was pushed.
group() { cat <<'KM-END-OF-GROUP'
@GROUP@
KM-END-OF-GROUP
}

# Its members: number, host, role, health address.
members() { cat <<'KM-END-OF-MEMBERS'
@MEMBERS@
KM-END-OF-MEMBERS
}

say() { printf '%s\n' "$*"; }
stop() { say "$*" >&2; exit 1; }

# What a member's health port says; nothing when it does not answer.
health() {
    if command -v curl >/dev/null 2>&1; then
        curl --silent --max-time 5 "$1/health/$2" 2>/dev/null
    elif command -v wget >/dev/null 2>&1; then
        wget --quiet --timeout=5 --tries=1 --output-document=- "$1/health/$2" 2>/dev/null
    else
        stop "Neither curl nor wget is here: the other Managers cannot be asked."
    fi
}

data_dir() {
    sed -n 's/^[[:space:]]*data_dir[[:space:]]*=[[:space:]]*"\([^"]*\)".*/\1/p' "$KM_CONFIG" 2>/dev/null | head -n 1
}

runs_here() {
    if command -v systemctl >/dev/null 2>&1 && systemctl is-active --quiet "$KM_UNIT"; then
        return 0
    fi
    # However it was started.
    for command in /proc/[0-9]*/cmdline; do
        case "$(tr '\0' ' ' <"$command" 2>/dev/null)" in *" serve --config $KM_CONFIG "*) return 0 ;; esac
    done
    return 1
}

look() {
    say "Group: $(group)"
    all=0 answering=0 active=""
    while read -r number host role address; do
        [ -n "$number" ] || continue
        all=$((all + 1))
        if [ -n "$(health "$address" live)" ]; then
            answering=$((answering + 1))
            case "$(health "$address" active)" in *'"mode":"active"'*) active="$host" ;; esac
            say "  $role $number on $host answers"
        else
            say "  $role $number on $host does not answer ($address)"
        fi
    done <<KM-END
$(members)
KM-END
    needed=$((all / 2 + 1))
    say "$answering of $all answer; $needed are needed."
    if [ -n "$active" ]; then
        say "$active is Active: this is no disaster. Start what does not answer, on its host or from Kyvos Manager."
        return
    fi
    if [ "$answering" -ge "$needed" ]; then
        say "Enough answer and none is Active: they may be electing. Look again in ten seconds; if it stays so, read their logs."
        return
    fi
    here
    say
    say "1. Start what does not answer, on its own host: systemctl start $KM_UNIT. As soon as $needed answer, the group goes"
    say "   on by itself with everything that was acknowledged. This is the way out whenever the disks are left."
    say "2. A host whose disk is lost or damaged does not count. If $needed disks are left, start those, delete the lost"
    say "   Manager in Kyvos Manager, and add it anew."
    say "3. If fewer than $needed disks are left for good, keep a copy of each that is left, on its own host:"
    say "     systemctl stop $KM_UNIT && $0 keep /some/safe/folder"
    if "$KM" recover --help >/dev/null 2>&1; then
        say "   and then go on with: $KM recover --help"
    else
        say "   This km ($("$KM" --version 2>/dev/null || say "not found at $KM")) has no 'km recover': a group without a majority cannot be made whole"
        say "   with it. Keep the copies: a km that has it reads them. Until then Kyvos services run on without Kyvos Manager;"
        say "   if they cannot wait, found a new group with 'km init' in an empty data folder, and enter its settings again."
    fi
    say "Never start a copy of a disk beside its original: two Managers of one number would vote twice."
}

here() {
    dir=$(data_dir)
    say "On this host ($(hostname)):"
    if [ -z "$dir" ] || [ ! -d "$dir" ]; then
        say "  no Manager's data (read from $KM_CONFIG)"
    elif runs_here; then
        say "  the Manager runs; its data are in $dir"
    else
        say "  the Manager is stopped; its data are in $dir:"
        "$KM" store check "$dir" 2>&1 | sed 's/^/    /'
    fi
}

keep() {
    dir=$(data_dir)
    [ -n "$dir" ] && [ -d "$dir" ] || stop "No Manager's data: $KM_CONFIG names none that is there."
    runs_here && stop "The Manager runs: systemctl stop $KM_UNIT first, or the copy is not whole."
    [ -d "$1" ] || mkdir -p "$1" || stop "$1 cannot be made."
    copy="$1/km-$(hostname)-$(date -u +%Y%m%dT%H%M%SZ).tar.gz"
    ( umask 077 && tar -C "$(dirname "$dir")" -czf "$copy" "$(basename "$dir")" ) || { rm -f "$copy"; stop "The copy was not made."; }
    tar -tzf "$copy" >/dev/null || stop "$copy cannot be read."
    say "$copy holds $dir. It holds the group's keys: keep it where only you can read it."
    sha256sum "$copy"
}

case "${1:-look}" in
    look) look ;;
    keep) [ $# -eq 2 ] || stop "Say where to: $0 keep DIR"; keep "$2" ;;
    *) stop "What is $1? Say nothing to look, or: keep DIR" ;;
esac
