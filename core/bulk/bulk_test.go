package bulk_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/bulk"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"

	"github.com/stretchr/testify/require"
)

const places = 10

// ask is an aggregator of the models of a configuration.
func ask(text string) (*aggregator.Aggregator, func(), error) {
	configs, err := config.Parse([]byte(text), config.Options{})
	if err != nil {
		return nil, nil, err
	}
	m := manager.New(manager.Options{})
	a := aggregator.New(m, aggregator.Options{})
	err = a.Initialize(context.Background(), configs)
	return a, func() { _ = a.Close(context.Background()); _ = m.Close(context.Background()) }, err
}

func configFor(url, price string) string {
	return fmt.Sprintf(`{"openai": {"models": {"gpt-a": {"api_key": "k-123456789", "base_url": %q, "max_concurrent_calls": %d%s}}}}`, url, places, price)
}

// begin starts a wall and an aggregator of one model there.
func begin(t *testing.T, price string, steps ...faultwall.Step) (*faultwall.Wall, *aggregator.Aggregator) {
	t.Helper()
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{MaxRequests: 20000})
	require.NoError(t, err)
	t.Cleanup(wall.Close)
	if len(steps) > 0 {
		wall.Script("gpt-a", steps...)
	}
	a, end, err := ask(configFor(wall.BaseURL(), price))
	require.NoError(t, err)
	t.Cleanup(end)
	return wall, a
}

func prompts(t *testing.T, folder string, count int) string {
	t.Helper()
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, "{\"id\": \"r%d\", \"prompt\": \"row %d\"}\n", i, i)
	}
	path := filepath.Join(folder, "prompts.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	return path
}

func run(a *aggregator.Aggregator, in, out string, o bulk.Options) (bulk.Report, error) {
	source, err := bulk.ReadJSONL(in)
	if err != nil {
		return bulk.Report{}, err
	}
	defer source.Close()
	return bulk.Run(context.Background(), a, source, bulk.WriteJSONL(out), o)
}

func results(t *testing.T, path string) (all []bulk.Result) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(data)) {
		var r bulk.Result
		require.NoError(t, json.Unmarshal([]byte(line), &r), line)
		all = append(all, r)
	}
	return all
}

// said is the prompt that an echo repeats.
func said(t *testing.T, answer string) string {
	t.Helper()
	var echo struct {
		Messages []struct{ Content string }
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &echo), answer)
	return echo.Messages[0].Content
}

func TestAnswersStandInTheOrderOfTheRows(t *testing.T) {
	wall, a := begin(t, `, "price": {"input": 1, "output": 1}`, faultwall.Step{Echo: true})
	folder := t.TempDir()
	in, out := prompts(t, folder, 200), filepath.Join(folder, "answers.jsonl")
	report, err := run(a, in, out, bulk.Options{})
	require.NoError(t, err)
	require.Equal(t, []int{200, 200, 0, 200}, []int{report.Rows, report.Answered, report.Errors, report.Asked})
	require.Zero(t, report.Unpriced)
	require.Equal(t, 1800, report.PromptTokens)
	sum := 0.0
	for i, r := range results(t, out) {
		require.Equal(t, i, r.N)
		require.JSONEq(t, fmt.Sprintf(`"r%d"`, i), string(r.ID))
		require.Equal(t, fmt.Sprintf("row %d", i), said(t, r.Answer))
		require.Equal(t, "openai/gpt-a", r.Route)
		sum += r.Cost.Amount
	}
	require.InDelta(t, sum, report.Cost, 1e-9)
	require.LessOrEqual(t, wall.Seen().Models["gpt-a"].MaxSimultaneous, places)

	_, err = run(a, in, out, bulk.Options{})
	require.ErrorContains(t, err, "Options.Resume goes on with it")
	report, err = run(a, in, out, bulk.Options{Resume: true})
	require.NoError(t, err)
	require.Equal(t, []int{200, 0}, []int{report.Answered, report.Asked})
	require.Equal(t, 200, wall.Seen().Models["gpt-a"].Requests)
}

func TestFailedRowsAreRows(t *testing.T) {
	_, a := begin(t, "", faultwall.Step{Status: 400, Times: 3}, faultwall.Step{})
	folder := t.TempDir()
	in, out := prompts(t, folder, 10), filepath.Join(folder, "answers.jsonl")
	file, err := os.OpenFile(in, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString("not JSON\n{\"question\": \"?\"}\n\n\"a text\"")
	require.NoError(t, errors.Join(err, file.Close()))
	report, err := run(a, in, out, bulk.Options{})
	require.NoError(t, err)
	require.Equal(t, []int{13, 8, 5}, []int{report.Rows, report.Answered, report.Errors})
	all := results(t, out)
	require.Contains(t, all[10].Error.Message, "line 11 is not valid JSON: invalid character")
	require.Contains(t, all[11].Error.Message, `no "prompt", "messages" or "body"`)
	report, err = run(a, in, out, bulk.Options{Resume: true})
	require.NoError(t, err)
	require.Zero(t, report.Asked)
	report, err = run(a, in, out, bulk.Options{Resume: true, RetryErrors: true})
	require.NoError(t, err)
	require.Equal(t, []int{5, 11, 2}, []int{report.Asked, report.Answered, report.Errors})
}

func TestARunStops(t *testing.T) {
	_, a := begin(t, "", faultwall.Step{Status: 400})
	folder := t.TempDir()
	in := prompts(t, folder, 1000)
	for i, limit := range []float64{1, 5, 0.2} {
		out := filepath.Join(folder, fmt.Sprint(i))
		report, err := run(a, in, out, bulk.Options{StopAfterErrors: limit})
		require.NoError(t, err)
		require.Equal(t, bulk.StoppedByErrors, report.Stopped)
		require.Less(t, report.Errors, 60)
		require.NoFileExists(t, out)
	}
}

func TestMoneyIsForTheWholeJob(t *testing.T) {
	usage := json.RawMessage(`{"prompt_tokens": 1000000, "completion_tokens": 0, "total_tokens": 1000000}`)
	wall, a := begin(t, `, "price": {"input": 1, "output": 1}`, faultwall.Step{Usage: usage})
	folder := t.TempDir()
	in, out := prompts(t, folder, 100), filepath.Join(folder, "answers.jsonl")
	report, err := run(a, in, out, bulk.Options{MaxCost: 10, Window: 4})
	require.NoError(t, err)
	require.Equal(t, bulk.StoppedByMaxCost, report.Stopped)
	require.InDelta(t, 12, report.Cost, 2)
	before := wall.Seen().Models["gpt-a"].Requests
	report, err = run(a, in, out, bulk.Options{MaxCost: 10, Window: 4, Resume: true})
	require.NoError(t, err)
	require.Equal(t, bulk.StoppedByMaxCost, report.Stopped)
	require.Equal(t, before, wall.Seen().Models["gpt-a"].Requests)
	report, err = run(a, in, out, bulk.Options{MaxCost: 1000, Resume: true})
	require.NoError(t, err)
	require.InDelta(t, 100, report.Cost, 1e-9)
	require.Len(t, results(t, out), 100)
	silent, unpriced := begin(t, "")
	_, err = run(unpriced, in, out+"2", bulk.Options{MaxCost: 1})
	require.ErrorContains(t, err, "no price is known of openai/gpt-a; name a table of prices in LLMAGG_PRICES")
	require.Zero(t, silent.Seen().Models["gpt-a"].Requests)
}

func TestALedgerThatCannotBeUsed(t *testing.T) {
	wall, a := begin(t, "")
	folder := t.TempDir()
	in, out := prompts(t, folder, 10), filepath.Join(folder, "answers.jsonl")
	_, err := run(a, in, out, bulk.Options{})
	require.NoError(t, err)
	resume := bulk.Options{Resume: true}

	other, end, err := ask(strings.ReplaceAll(configFor(wall.BaseURL(), ""), "gpt-a", "gpt-b"))
	require.NoError(t, err)
	defer end()
	_, err = run(other, in, out, resume)
	require.ErrorContains(t, err, "belongs to another job")

	data, err := os.ReadFile(in)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(in, append([]byte("\"a new first row\"\n"), data...), 0o600))
	_, err = run(a, in, out, resume)
	require.ErrorContains(t, err, "row 0 is not the row that the ledger")
	require.NoError(t, os.WriteFile(out+"2", []byte("no ledger\n"), 0o600))
	_, err = run(a, in, out, bulk.Options{Resume: true, Ledger: out + "2"})
	require.ErrorContains(t, err, "is not a ledger")
	ledger, err := os.ReadFile(out + ".ledger.jsonl")
	require.NoError(t, err)
	for i, text := range []string{
		string(ledger) + `{"key": "00", "result": {"n": -1}}` + "\n", string(ledger) + `{"key": "00", "result": {"n": 1000000000000}}` + "\n",
		string(ledger) + "null\n", "no line", `{"n": 1}`,
	} {
		path := filepath.Join(folder, fmt.Sprint("foreign", i))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err = run(a, in, out, bulk.Options{Resume: true, Ledger: path})
		require.ErrorContains(t, err, "is not a ledger", text)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(after))
	}
	_, err = run(a, in, out, bulk.Options{Ledger: out})
	require.ErrorContains(t, err, "is the ledger")
	_, err = run(a, in, out, bulk.Options{Ledger: folder})
	require.ErrorContains(t, err, "is a directory")
	none := bulk.Rows(func(func(bulk.Row) bool) {})
	_, err = bulk.Run(t.Context(), a, none, &failing{}, bulk.Options{})
	require.ErrorContains(t, err, "Options.Ledger is empty")
	sink := bulk.WriteJSONL(filepath.Join(folder, "nothing.jsonl"))
	for _, missing := range []func() (bulk.Report, error){
		func() (bulk.Report, error) { return bulk.Run(t.Context(), nil, none, sink, bulk.Options{}) },
		func() (bulk.Report, error) { return bulk.Run(t.Context(), a, nil, sink, bulk.Options{}) },
		func() (bulk.Report, error) { return bulk.Run(t.Context(), a, none, nil, bulk.Options{}) },
	} {
		_, err := missing()
		require.ErrorContains(t, err, "an argument of bulk.Run is nil")
	}
	_, err = bulk.Run(t.Context(), a, bulk.Rows(nil), sink, bulk.Options{})
	require.ErrorContains(t, err, "bulk.Rows was given no sequence")
	require.Equal(t, 10, wall.Seen().Totals.Requests)
}

func second[T any](_ T, err error) error { return err }

func TestTwoRunsOnOneLedger(t *testing.T) {
	wall, a := begin(t, "", faultwall.Step{Hold: "both"})
	folder := t.TempDir()
	in, out := prompts(t, folder, 5), filepath.Join(folder, "answers.jsonl")
	var first error
	var done sync.WaitGroup
	done.Go(func() { _, first = run(a, in, out, bulk.Options{}) })
	require.Eventually(t, func() bool { return wall.Seen().Totals.InFlight == 5 }, 10*time.Second, time.Millisecond)
	_, err := run(a, in, out, bulk.Options{Resume: true})
	require.ErrorContains(t, err, "another run uses the ledger")
	wall.Release("both")
	done.Wait()
	require.NoError(t, first)
	require.Len(t, results(t, out), 5)
}

func TestACancelledRunKeepsItsAnswers(t *testing.T) {
	wall, a := begin(t, "", faultwall.Step{Times: 10}, faultwall.Step{Hold: "rest"})
	folder := t.TempDir()
	in, out := prompts(t, folder, 30), filepath.Join(folder, "answers.jsonl")
	ctx, cancel := context.WithCancel(t.Context())
	source, err := bulk.ReadJSONL(in)
	require.NoError(t, err)
	defer source.Close()
	go func() {
		for wall.Seen().Totals.Requests < 10+places {
			time.Sleep(time.Millisecond) // the wall tells nobody when a request comes
		}
		cancel()
	}()
	_, err = bulk.Run(ctx, a, source, bulk.WriteJSONL(out), bulk.Options{})
	require.ErrorIs(t, err, context.Canceled)
	wall.Script("gpt-a", faultwall.Step{})
	report, err := run(a, in, out, bulk.Options{Resume: true})
	require.NoError(t, err)
	require.Equal(t, []int{20, 30}, []int{report.Asked, report.Answered})
}

// failing is a source or a sink that fails.
type failing struct{ aborted bool }

func (*failing) Next(context.Context) (bulk.Row, error) { return bulk.Row{}, io.ErrUnexpectedEOF }
func (*failing) Write(*bulk.Result) error               { return io.ErrShortWrite }
func (*failing) Commit() error                          { return nil }
func (f *failing) Abort()                               { f.aborted = true }

func TestWhatSourceAndSinkReturnIsReturned(t *testing.T) {
	_, a := begin(t, "")
	o := bulk.Options{Ledger: filepath.Join(t.TempDir(), "ledger"), Resume: true}
	_, err := bulk.Run(t.Context(), a, &failing{}, &failing{}, o)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	sink := &failing{}
	rows := bulk.Rows(func(yield func(bulk.Row) bool) {
		yield(bulk.Row{Request: &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}}})
	})
	_, err = bulk.Run(t.Context(), a, rows, sink, o)
	require.ErrorIs(t, err, io.ErrShortWrite)
	require.ErrorContains(t, err, "every answer is in the ledger")
	require.True(t, sink.aborted)
}

// job is a run in a process of its own.
func job(arguments string) {
	var url, in, out string
	_, err := fmt.Sscanf(arguments, "%s %s %s", &url, &in, &out)
	if err != nil {
		panic(err)
	}
	a, end, err := ask(configFor(url, ""))
	if err != nil {
		panic(err)
	}
	defer end()
	fmt.Println("begins")
	if _, err := run(a, in, out, bulk.Options{Resume: true}); err != nil {
		panic(err)
	}
}

func TestTwentyKills(t *testing.T) {
	const count, kills = 2400, 20
	wall, _ := begin(t, "", faultwall.Step{Echo: true, DelayHeadersS: 0.02})
	folder := t.TempDir()
	in, out := prompts(t, folder, count), filepath.Join(folder, "answers.jsonl")
	killed := 0
	for {
		process := exec.Command(os.Args[0])
		process.Env = append(os.Environ(), "LLMAGG_TEST_BULK="+strings.Join([]string{wall.BaseURL(), in, out}, " "))
		said, err := process.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, process.Start())
		_, err = bufio.NewReader(said).ReadString('\n')
		require.NoError(t, err)
		if killed < kills {
			time.Sleep(rand.N(300 * time.Millisecond)) // any moment is to be tried
			_ = process.Process.Kill()
		}
		if process.Wait() == nil {
			break
		}
		killed++
		require.NoFileExists(t, out)
	}
	require.GreaterOrEqual(t, killed, kills/2)
	for i, r := range results(t, out) {
		require.Equal(t, fmt.Sprintf("%d row %d", i, i), fmt.Sprint(r.N, " ", said(t, r.Answer)))
	}
	require.Len(t, results(t, out), count)
	twice := wall.Seen().Models["gpt-a"].Requests - count
	t.Logf("%d kills, %d rows paid twice", killed, twice)
	require.LessOrEqual(t, twice, killed*2*places)
}
