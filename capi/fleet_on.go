//go:build fleet

package main

import _ "github.com/llmagg/llmagg/core/fleet/valkey" // "fleet" in a configuration has a store
