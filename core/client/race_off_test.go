//go:build !race

package client

// raceDetector makes everything slow.
const raceDetector = false
