// Package shipped holds the dated table of prices that comes with the sources,
// in the form of the file that LLMAGG_PRICES names. The library does not link
// it: C programs use the installed file share/llmagg/prices.json. It imports
// nothing of this module; [Prices] is all it has.
package shipped

import _ "embed"

// Prices is the table, for price.ReadTable or for a file.
//
//go:embed prices.json
var Prices []byte
