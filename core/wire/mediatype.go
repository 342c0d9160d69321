package wire

import (
	"path"
	"strings"

	"github.com/llmagg/llmagg/core/internal/wordlist"
)

// mediaTypes are those of files, by the extensions of their names. The system's
// own table is not asked: the same request must be the same body everywhere.
var mediaTypes = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif",
	".heic": "image/heic", ".heif": "image/heif", ".pdf": "application/pdf",
	".wav": "audio/wav", ".mp3": "audio/mp3", ".aiff": "audio/aiff", ".aac": "audio/aac", ".ogg": "audio/ogg", ".flac": "audio/flac",
	".mp4": "video/mp4", ".mpeg": "video/mpeg", ".mov": "video/mov", ".avi": "video/avi", ".webm": "video/webm",
	".txt": "text/plain", ".md": "text/markdown", ".csv": "text/csv", ".html": "text/html", ".xml": "text/xml", ".json": "application/json",
}

// AnyType is the media type of data whose type was not known to who wrote it,
// so that the file's name tells more.
const AnyType = "application/octet-stream"

// MediaTypeOf is the media type that a file's name tells, if its extension is
// among those that a vendor reads, "" for all; else "".
func MediaTypeOf(name string, read wordlist.List) string {
	extension := strings.ToLower(path.Ext(name))
	if read != "" && !read.Has(extension) {
		return ""
	}
	return mediaTypes[extension]
}
