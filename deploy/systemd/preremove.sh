#!/bin/sh
# Stops the worker when the package goes, not when it is upgraded: dpkg says upgrade, rpm 1.
set -e
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now spacekeeper.service
	fi
	;;
esac
