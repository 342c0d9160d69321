package exchange

import (
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

func wideBytes(order binary.AppendByteOrder, text string) string {
	var data []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		data = order.AppendUint16(data, unit)
	}
	return string(data)
}

// A body arrives in any pieces: characters of each charset may be cut.
func TestACharsetIsReadInAnyPieces(t *testing.T) {
	const text = "{\"a\":\"caf\u00e9 \u201c\u20ac\u201d \U0001F600\"}"
	const latin = "{\"a\":\"caf\xe9 \x93\x80\x94 \xff\"}"
	const read = "{\"a\":\"caf\u00e9 \u201c\u20ac\u201d \u00ff\"}"
	for _, c := range []struct{ name, body, want, err string }{
		{"iso-8859-1", latin, read, ""},
		{"Windows-1252", latin, read, ""},
		{"us-ascii", text, text, ""},
		{"utf-16le", wideBytes(binary.LittleEndian, text), text, ""},
		{"utf-16be", wideBytes(binary.BigEndian, text), text, ""},
		{"utf-16", wideBytes(binary.BigEndian, "\uFEFF"+text), text, ""},
		{"utf-16", wideBytes(binary.LittleEndian, "\uFEFF"+text), text, ""},
		{"utf-16", text, text, ""},
		{"gb18030", text, text, ""},
		{"gbk", "{\"a\":\"\xc4\xe3\"}", "{\"a\":\"", `in the charset "gbk"`},
		{"gbk", "{\"a\":\"\xe4", "{\"a\":\"", `in the charset "gbk"`},
	} {
		for name, from := range map[string]func(io.Reader) io.Reader{"bytes": iotest.OneByteReader, "halves": iotest.HalfReader,
			"data with the error": iotest.DataErrReader} {
			resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json; charset=" + c.name}},
				Body: io.NopCloser(from(strings.NewReader(c.body)))}
			transcode(resp)
			got, err := io.ReadAll(resp.Body)
			require.Equal(t, c.want, string(got), "%s in %s", c.name, name)
			if c.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.err)
			}
		}
	}
}

// The end of AWS's frames may be a NUL, which stands behind no JSON.
func TestBareFrames(t *testing.T) {
	frames := []byte{0, 0, 0, 16, 0, 0, 0, 0, 5, 6, 7, 8, 9, 1, 2, 0}
	require.Equal(t, frames, bare(frames))
	require.Equal(t, `{}`, string(bare([]byte("\"{}\"\x00\n"))))
}
