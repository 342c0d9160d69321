package failure

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"
)

// The definition of readable, as regular expressions.
var (
	unseenPattern = regexp.MustCompile(`(?is)<(script|style|head)\b.*?</(script|style|head)>|<!--.*?-->`)
	titlePattern  = regexp.MustCompile(`(?is)<title\b[^>]*>(.*?)</title>`)
	tagPattern    = regexp.MustCompile(`(?s)<[^>]*>`)
)

func readableByPattern(body []byte) string {
	text := clip(body, maxBody)
	if strings.HasPrefix(strings.TrimSpace(text), "<") {
		title := ""
		if m := titlePattern.FindStringSubmatch(text); m != nil {
			title = m[1]
		}
		text = unescape(title + " " + tagPattern.ReplaceAllString(unseenPattern.ReplaceAllString(text, " "), " "))
	}
	return strings.Join(strings.Fields(text), " ")
}

var pages = []string{
	"", "no page < at all", "<", "<>", "<a", "<p>one</p><p>two &amp; &lt;three&gt; &eacute;&#8212;</p>",
	"<!DOCTYPE html><HTML><Head><TITLE lang=en>Bad\nGateway</TITLE><style>p{}</style></Head><body><h1>Sorry</h1><script>var a='<b>'</script>again</body></HTML>",
	"<script>never closed <b>x</b>", "<script src=x></script>y", "<scripts>kept</scripts>", "<head>a</style>b</head>c", "<header>kept</header>",
	"<!-- a > b -->c<!-->d-->e<!--f", "<title>only", "<title", "<title>a</title><title>b</title>", "< a <script>b</script> c> d", "<style", "<script</script>x",
	" \n\t<p>\u00a0日本\u2003語</p>", "<p \xff\xfe>\xff</p>", "<İ><title>İx</title>", "</script><script>a</ script></head>b",
}

// FuzzReadable holds readable against its definition.
func FuzzReadable(f *testing.F) {
	for _, page := range pages {
		f.Add([]byte(page))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if strings.Contains(string(body), "ſ") {
			return // an s to a pattern that ignores case, and no letter of a tag
		}
		require.Equal(t, readableByPattern(body), readable(body))
	})
}

// A page made to be slow to read is not: its ends are looked for once.
func TestReadableIsLinear(t *testing.T) {
	for _, piece := range []string{"<script ", "<!-- ", "<script></", "<style></script>", "<title", "<"} {
		lineartime.Check(t, maxBody/len(piece), func(n int) func() {
			body := []byte(strings.Repeat(piece, n))
			return func() { readable(body) }
		})
	}
}

// A character reference that is read at all is read as the package html reads
// it; what is none stays as it is.
func TestUnescapeReadsAsTheLibrary(t *testing.T) {
	names := strings.Fields(latin)
	require.Len(t, names, 0x100-0xA0)
	for name := range entities() {
		names = append(names, name)
	}
	for n := range 0x300 {
		names = append(names, fmt.Sprintf("#%d", n), fmt.Sprintf("#x%x", n), fmt.Sprintf("#X%X", n))
	}
	names = append(names, "#128512", "#xD800", "#x10FFFF", "#x110000", "#999999999", "#0000000065")
	for _, name := range names {
		text := "a&" + name + ";b"
		require.Equal(t, html.UnescapeString(text), unescape(text), name)
	}
	for _, text := range []string{"", "&", "&;", "&#;", "&#x;", "&#xg;", "AT&T", "a && b", "&nosuch;", "&#99999999999999999999;", "x &amp", "& amp;"} {
		require.Equal(t, text, unescape(text))
	}
	require.Equal(t, "&amp;&&lt;", unescape("&amp;amp;&&amp;lt;"))
}
