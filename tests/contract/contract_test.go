package contract

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// root is the module's folder.
const root = "../.."

// builder makes a door; the error says what it misses.
type builder func(t *testing.T) (Door, error)

var builders = map[string]builder{
	"go": func(*testing.T) (Door, error) { return NewGoDoor(), nil },
	"c":  cDoor,
	"python": func(*testing.T) (Door, error) {
		python, err := filepath.Abs(orElse(os.Getenv("LLMAGG_CONTRACT_PYTHON"), filepath.Join(root, ".venv/bin/python")))
		if err != nil {
			return nil, err
		}
		if output, err := exec.Command(python, "-c", "import llmagg.aggregator").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s cannot import llmagg: %w: %s", python, err, output)
		}
		return NewProcessDoor("python", []string{python, "-X", "dev", "-W", "error", "doors/python/door.py"}, nil)
	},
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// cDoor compiles doors/c against the built library.
func cDoor(t *testing.T) (Door, error) {
	build, err := filepath.Abs(orElse(os.Getenv("LLMAGG_CONTRACT_BUILD"), filepath.Join(root, "build")))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(build, "libllmagg.so")); err != nil {
		return nil, fmt.Errorf("the library is not built (make lib): %w", err)
	}
	program := filepath.Join(t.TempDir(), "door")
	compile := exec.Command(orElse(os.Getenv("CC"), "cc"), "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
		"-I"+filepath.Join(root, "include"), "doors/c/door.c", "doors/c/session.c", "doors/c/speech.c", "doors/c/custom.c", "doors/c/token.c", "doors/c/process.c", "-o", program, "-L"+build, "-lllmagg", "-lpthread", "-Wl,-rpath,"+build)
	if output, err := compile.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the C door does not compile: %w\n%s", err, output)
	}
	return NewProcessDoor("c", []string{program}, nil)
}

// score is what TestContract found; TestMain writes it down.
var score Scorecard

// TestMain sets what the case config_environment refers to, which the doors
// inherit, and writes the scorecard if LLMAGG_SCORECARD names a file.
func TestMain(m *testing.M) {
	if err := os.Setenv("LLMAGG_CONTRACT_KEY", Key); err != nil {
		panic(err)
	}
	status := m.Run()
	if err := goleak.Find(); err != nil && status == 0 {
		fmt.Println("after all cases:", err)
		status = 1
	}
	if path := os.Getenv("LLMAGG_SCORECARD"); path != "" {
		fmt.Print(score.Table())
		page := []byte(score.Markdown(time.Now().UTC()))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, page, 0o644)); err != nil {
			fmt.Println(err)
			status = 1
		}
		if score.Fails() > 0 {
			status = 1
		}
	}
	os.Exit(status)
}

// TestContract runs every case through every door. LLMAGG_CONTRACT_DOORS names
// the doors that must be there ("go,c,python"); without it a door that is not
// built is left out, and says so.
func TestContract(t *testing.T) {
	cases, err := Load(".")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	score.Expect(cases)
	through(t, cases)
}

// through runs cases through the doors.
func through(t *testing.T, cases []*Case) {
	required := os.Getenv("LLMAGG_CONTRACT_DOORS")
	for _, name := range Doors {
		if required != "" && !slices.Contains(strings.Split(required, ","), name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the doors beside each other, the cases of a door one after the other
			door, err := builders[name](t)
			if err != nil {
				require.Empty(t, required, "the %s door is missing: %v", name, err)
				t.Skipf("THE %s DOOR IS MISSING: %v", strings.ToUpper(name), err)
			}
			folder := t.TempDir()
			for _, c := range cases {
				t.Run(c.Name, func(t *testing.T) { one(t, c, door, folder) })
			}
			require.NoError(t, door.Stop())
		})
	}
}

func one(t *testing.T, c *Case, door Door, folder string) {
	var result *Result
	name := door.Name() + "/" + c.Name
	labelled(name, func() { result = Run(c, door, folder) })
	if door, inProcess := door.(*goDoor); inProcess && len(result.Failures) == 0 {
		if err := door.Stop(); err != nil {
			result.Failures = append(result.Failures, "after the case: "+err.Error())
		}
	}
	if left := leaked(name); left != "" {
		result.Failures = append(result.Failures, "after the case goroutines are left:\n"+left)
	}
	score.Add(result)
	if result.Without != "" {
		t.Skipf("not in this door: %s", result.Without)
	}
	for _, failure := range result.Failures {
		t.Error(failure)
	}
}

func TestEveryClauseHasACase(t *testing.T) {
	cases, err := Load(".")
	require.NoError(t, err)
	require.Empty(t, Unproved(cases), "these clauses and rows of the error table have no case")
}

func TestCasesAreStrict(t *testing.T) {
	good := `{"name":"x","title":"t","clauses":["R1"],"routes":["a/b"],"steps":[{"call":"chat","expect":{"code":"OK"}}]}`
	for what, text := range map[string]string{
		"":                      good,
		"unknown field \"nam\"": strings.Replace(good, `"name"`, `"nam"`, 1),
		"unknown clause":        strings.Replace(good, "R1", "R99", 1),
		"unknown condition":     strings.Replace(good, `"OK"`, `{"$mni":1}`, 1),
		"exactly one action":    strings.Replace(good, `"call":"chat"`, `"call":"chat","kill":true`, 1),
		"without expect":        strings.Replace(good, `,"expect":{"code":"OK"}`, "", 1),
		"the file's":            strings.Replace(good, `"x"`, `"y"`, 1),
		"unknown field \"cod\"": strings.Replace(good, `"code"`, `"cod"`, 1),
		"faultwall":             strings.Replace(good, `"routes"`, `"script":{"modles":{}},"routes"`, 1),
	} {
		path := filepath.Join(t.TempDir(), "x.json")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := LoadFile(path)
		if what == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, what)
	}
}

func TestGoroutinesOfACaseAreSeen(t *testing.T) {
	end, ended := make(chan struct{}), make(chan struct{})
	labelled("go/mine", func() { go func() { defer close(ended); <-end }() })
	labelled("go/other", func() {})
	require.Contains(t, goroutinesOf("go/mine"), "TestGoroutinesOfACaseAreSeen")
	require.Empty(t, goroutinesOf("go/other"))
	close(end)
	<-ended
	require.Empty(t, leaked("go/mine"))
}

// slowDoor answers 0.4 s late in its first slow calls.
type slowDoor struct {
	Door
	slow int
}

func (d *slowDoor) Do(c Command, tell func(Event)) {
	if c.Verb == "chat" && d.slow > 0 {
		d.slow--
		time.Sleep(400 * time.Millisecond)
	}
	d.Door.Do(c, tell)
}

func TestLateCasesAreRunAgain(t *testing.T) {
	load := func(text string) *Case {
		c := &Case{}
		require.NoError(t, strict([]byte(`{"name":"x","title":"t","clauses":["R1"],"routes":["a/b"],"steps":[`+text+`]}`), c))
		require.NoError(t, c.check())
		return c
	}
	fails := `{"clock":true,"before_s":0.35,"call":"chat","expect":{"code":"NONE"}}`
	inTime := `{"clock":true,"before_s":30,"call":"chat","expect":{"code":"OK","time":{"$max":0.35}}}`
	for _, x := range []struct {
		what, step     string
		slow, left     int
		passes, isLate bool
	}{
		{"late twice, then in time", strings.Replace(inTime, "30", "0.35", 1), 2, 0, true, false},
		{"always late", fails, 9, 6, false, true},
		{"late, but well", strings.Replace(inTime, `,"time":{"$max":0.35}`, "", 1), 1, 0, true, false},
		{"in time, but wrong", strings.Replace(fails, "0.35", "30", 1), 9, 8, false, false},
	} {
		door := &slowDoor{NewGoDoor(), x.slow}
		result := Run(load(x.step), door, t.TempDir())
		require.NoError(t, door.Stop())
		require.Equal(t, x.passes, len(result.Failures) == 0, "%s: %v", x.what, result.Failures)
		require.Equal(t, x.isLate, strings.Contains(strings.Join(result.Failures, "\n"), "too late in each of 3 runs"), "%s: %v", x.what, result.Failures)
		require.Equal(t, x.left, door.slow, "%s: runs", x.what)
	}
	c := &Case{}
	require.NoError(t, strict([]byte(`{"name":"x","title":"t","clauses":["R1"],"routes":["a/b"],"steps":[{"before_s":1,"call":"chat","expect":{"code":"OK"}}]}`), c))
	require.ErrorContains(t, c.check(), "before_s without")
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, document string
		fits              bool
	}{
		{`{"a":1}`, `{"a":1,"b":2}`, true},
		{`{"a":1}`, `{"a":2}`, false},
		{`[1,{"$min":2}]`, `[1,3]`, true},
		{`[1]`, `[1,3]`, false},
		{`{"$begins":[1]}`, `[1,3]`, true},
		{`{"$min":1,"$max":2}`, `3`, false},
		{`{"$has":["ab","c"]}`, `"xabc"`, true},
		{`{"$has":"z"}`, `"xabc"`, false},
		{`{"$has":{"a":1}}`, `[{"a":2},{"a":1}]`, true},
		{`{"$lacks":"key"}`, `{"a":"the key"}`, false},
		{`{"$len":{"$min":3}}`, `"abc"`, true},
		{`{"$each":{"a":1}}`, `[{"a":1},{"a":2}]`, false},
		{`{"$any":["x",{"$has":"b"}]}`, `"abc"`, true},
		{`{"a":{"$absent":true}}`, `{}`, true},
		{`{"a":{"$absent":true}}`, `{"a":null}`, true},
		{`{"a":{"$missing":true}}`, `{}`, true},
		{`{"a":{"$missing":true}}`, `{"a":null}`, false},
		{`{"a":{"$missing":true}}`, `{"a":false}`, false},
		{`[{"$missing":true}]`, `[null]`, false},
		{`{"$absent":true}`, `"x"`, false},
		{`{"$ascending":0}`, `["1","2","10"]`, true},
		{`{"$ascending":0}`, `[2,1]`, false},
		{`{"$ascending":1}`, `[2,1]`, true},
		{`{"$s":[0.1,0.2]}`, `0.3`, true},
		{`{"$s":[0.1,0.2]}`, `0.05`, false},
		{`{"$s":[0.1,0.2]}`, `9`, false},
	} {
		var p Pattern
		require.NoError(t, p.UnmarshalJSON([]byte(c.pattern)))
		failures := match("document", decode(p), decode([]byte(c.document)))
		require.Equal(t, c.fits, len(failures) == 0, "%s against %s: %v", c.pattern, c.document, errors.New(strings.Join(failures, "; ")))
	}
}
