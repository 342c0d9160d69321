package bulk_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/bulk"
	"github.com/llmagg/llmagg/core/faultwall"
)

func TestAFullDisk(t *testing.T) {
	wall, a := begin(t, "", faultwall.Step{TextBytes: 20_000})
	folder := t.TempDir()
	if exec.Command("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder).Run() != nil {
		t.Skip("file systems cannot be mounted here")
	}
	defer func() { _ = exec.Command("umount", folder).Run() }()
	in, out := prompts(t, t.TempDir(), 400), filepath.Join(folder, "answers.jsonl")
	_, err := run(a, in, out, bulk.Options{})
	require.ErrorContains(t, err, "cannot be written, free some space and run again with Resume")
	paid := wall.Seen().Models["gpt-a"].Requests
	require.Less(t, paid, 400)
	require.NoError(t, exec.Command("mount", "-o", "remount,size=60m", folder).Run())
	report, err := run(a, in, out, bulk.Options{Resume: true})
	require.NoError(t, err)
	require.Equal(t, 400-paid, report.Asked, "no paid answer was lost")
	require.Len(t, results(t, out), 400)
}

// A run stops before the limit, while what is on its way has room; the window
// is no larger than that.
func TestTheLimitOfAFilesSize(t *testing.T) {
	for _, x := range []struct {
		limit  uint64
		window int
	}{{6_000_000, 0}, {6_000_000, 300}, {300_000, 0}} {
		var before syscall.Rlimit
		require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
		wall, a := begin(t, "", faultwall.Step{TextBytes: 20_000})
		in, out := prompts(t, t.TempDir(), 400), filepath.Join(t.TempDir(), "answers.jsonl")
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: x.limit, Max: before.Max}))
		_, err := run(a, in, out, bulk.Options{Window: x.window})
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before))
		require.ErrorContains(t, err, "cannot be written, raise that limit and run again with Resume: it comes near")
		paid := wall.Seen().Models["gpt-a"].Requests
		require.Less(t, paid, 400)
		report, err := run(a, in, out, bulk.Options{Resume: true})
		require.NoError(t, err)
		require.Equal(t, 400-paid, report.Asked, "no paid answer was lost: %v", x)
	}
}

// A byte order mark begins no line, and the output's link stays one.
func TestAsSomeEditorsWrite(t *testing.T) {
	_, a := begin(t, "", faultwall.Step{Echo: true})
	folder := t.TempDir()
	in, out := filepath.Join(folder, "rows.jsonl"), filepath.Join(folder, "link.jsonl")
	require.NoError(t, os.WriteFile(in, []byte("\xef\xbb\xbf\"a\"\r\n\"b\"\r\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "disk.jsonl"), nil, 0o600))
	require.NoError(t, os.Symlink(filepath.Join(folder, "disk.jsonl"), out))
	report, err := run(a, in, out, bulk.Options{})
	require.NoError(t, err)
	require.Equal(t, 2, report.Answered)
	require.Len(t, results(t, filepath.Join(folder, "disk.jsonl")), 2)
}
