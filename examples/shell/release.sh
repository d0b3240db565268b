#!/usr/bin/env bash
# Checks this repository, shows what a deployment would change, and deploys to emulated accounts, with the released module.
set -euo pipefail

module=${LOCKSTEP_MODULE:-github.com/OWNER/lockstep@v1.0.0}
environment=${1:-acc}

lockstep() { dagger --mod "$module" call --source . "$@"; }

lockstep check
lockstep environment --name "$environment" plan summary
lockstep environment --name "$environment" deploy number
lockstep environment --name "$environment" drift
