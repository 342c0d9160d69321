//go:build !race

package exchange

// raceDetector makes everything slow.
const raceDetector = false
