#!/bin/sh
# Makes the namespace that Reprise works in, unless it is there: TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE say which.
# Finished workflows stay visible for three days.
set -eu
temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --retention 72h -n "$TEMPORAL_NAMESPACE"
