#!/bin/bash
# Unpacks Debian packages, with everything they depend on, into a folder. Installs nothing and asks no root.
#
#   fetch.sh SUITE FOLDER PACKAGE...
#
# apt runs on a configuration of its own with an empty status file: as it believes nothing is installed, it downloads
# the whole closure, and checks Debian's signatures as always. Of the packages only the files are taken, no maintainer
# script runs. FOLDER appears when it is complete and not before; when it is there already nothing happens.
# EFFECT_CONTAINERS_DEBIAN_MIRROR names an archive other than the one that this machine's apt uses.
set -euo pipefail

suite=$1 folder=$2
shift 2
[ ! -d "$folder" ] || exit 0

say() { echo "engines: $*" >&2; }
work=$folder.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
rm -rf "$folder".[0-9]* # what an interrupted run left; the caller holds the lock
mkdir -p "$work"/apt/{lists/partial,cache/archives/partial} "$work"/tree/usr/{bin,sbin,lib,lib64}

mirror=${EFFECT_CONTAINERS_DEBIAN_MIRROR:-$(
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/\?$' || true
)}
if [ -z "$mirror" ]; then
  say "apt knows no Debian archive on this machine; name one in EFFECT_CONTAINERS_DEBIAN_MIRROR"
  exit 1
fi
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$work/apt/sources.list"
: >"$work/apt/status"
apt=(apt-get -qq
  -o "Dir::Etc::sourcelist=$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null
  -o "Dir::State::lists=$work/apt/lists" -o "Dir::State::status=$work/apt/status" -o "Dir::Cache=$work/apt/cache"
  -o Debug::NoLocking=true -o Acquire::Languages=none -o Acquire::Retries=3 -o "APT::Sandbox::User=$(id -un)")
if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends --download-only "$@"; } >"$work/apt/log" 2>&1; then
  tail -n 5 "$work/apt/log" >&2
  say "could not download the packages of Debian $suite"
  exit 1
fi

# Older suites still ship files in /bin and /lib, where newer ones have links into /usr.
for name in bin sbin lib lib64; do ln -s "usr/$name" "$work/tree/$name"; done
# Neither documents nor locales, time zones and character sets, which no engine reads, nor buildah's own test programs.
for package in "$work"/apt/cache/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$work/tree" \
    --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
    --exclude='./usr/share/zoneinfo/*' --exclude='./usr/lib/*/gconv/*' --exclude='./usr/libexec/buildah/*' \
    --exclude='./var/*' --exclude='./dev/*'
done
# What the iptables package's alternatives would have made.
if [ -e "$work/tree/usr/sbin/xtables-nft-multi" ]; then
  for name in {iptables,ip6tables}{,-save,-restore}; do ln -sf xtables-nft-multi "$work/tree/usr/sbin/$name"; done
fi
chmod 755 "$work/tree"
mv "$work/tree" "$folder"
say "unpacked Debian $suite into $folder ($(du -sh "$folder" | cut -f1))"
