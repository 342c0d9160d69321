//go:build !linux

package bulk

import "os"

// allocate gives a file room on the disk.
func allocate(file *os.File, size int64) error { return fill(file, size) }
