#!/bin/sh
# make-debian-policy.sh NAME FOLDER: makes the folder with policy.33 and policy.conf of Debian's package selinux-policy-NAME,
# unless it is there. The package is fetched and unpacked, not installed; its modules are put together as its postinst
# would, to the same bytes.
set -eu
name=$1
folder=$2
[ -e "$folder" ] && exit 0
mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work"

pp=/usr/libexec/selinux/hll/pp
[ -x $pp ] || pp=/usr/lib/selinux/hll/pp
# The postinst leaves these out.
left_out=' amtu bugzilla cobbler condor cyphesis git ksmtuned likewise livecd nessus numad oddjob openca soundserver thunderbird updfstab usernetctl '

apt-get download "selinux-policy-$name"
dpkg-deb -x selinux-policy-"$name"_*.deb unpacked
modules=unpacked/usr/share/selinux/$name
mkdir cil made
for module in base $(cat "$modules/.modules"); do
  case $left_out in *" $module "*) continue ;; esac
  [ -e "cil/$module.cil" ] && continue
  bzcat "$modules/$module.pp.bz2" >module.pp
  $pp module.pp "cil/$module.cil"
done
secilc -M true -c 33 -f /dev/null -o made/policy.33 cil/*.cil
checkpolicy -M -b -F -o made/policy.conf made/policy.33
# Another run may have been faster; what it made is the same.
mv -T made "$folder" 2>/dev/null || [ -e "$folder" ]
