package price

import (
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

// Variable is the environment variable that names the file of a [Table].
const Variable = "LLMAGG_PRICES"

// Table is a dated table of prices, {"date": "2026-11-28", "source": text,
// "vendor/model": price, …}. It is for models whose configuration has none.
type Table struct {
	where  string
	date   string // as 2026-11-28
	data   []byte
	fields []jsontext.Field
}

// ReadTable reads a table; where names it in messages. A price is read when it
// is asked for.
func ReadTable(data []byte, where string) (*Table, error) {
	fields, err := jsontext.FieldsOf(data)
	if err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "%s is not valid JSON: %v", where, err)
	}
	t := &Table{where: where, data: data, fields: fields.List}
	if v := t.row("date"); len(v) > 0 {
		_ = llm.JSON.Unmarshal(v, &t.date)
	}
	if d := t.date; len(d) != len("2026-11-28") || d[4] != '-' || d[7] != '-' || strings.Trim(d, "0123456789-") != "" {
		return nil, llm.Errorf(llm.InvalidArgument, "%s has no \"date\" such as \"2026-11-28\"; expected {\"date\", \"vendor/model\": {\"input\": 2.5, \"output\": 10}, …}, "+
			"as \"llmagg prices --from litellm FILE\" prints it", where)
	}
	return t, nil
}

func (t *Table) row(key string) []byte {
	for i := range t.fields { // once for each model that is configured
		if f := &t.fields[i]; f.Key == key {
			return t.data[f.Start:f.End]
		}
	}
	return nil
}

// Of is the price of a vendor's model; the zero price if the table has none.
func (t *Table) Of(vendor, model string) (p Price, err error) {
	name := vendor + "/" + model
	row := t.row(name)
	if row == nil {
		return p, nil
	}
	if err := p.read(row); err != nil {
		return Price{}, llm.Errorf(llm.InvalidArgument, "%s: the price of %s %s", t.where, name, llm.AsError(err).Message)
	}
	p.Date = t.date
	return p, p.Check(t.where + ": " + name)
}

// read reads a row. Names that are near to none of a price may be anything.
func (p *Price) read(row []byte) error {
	fields, err := jsontext.FieldsOf(row)
	if err != nil || llm.JSON.Unmarshal(row, p) != nil {
		return llm.Errorf(llm.InvalidArgument, "is %s; expected an object such as {\"input\": 2.5, \"output\": 10}", shown.Value(row))
	}
	known := []string{"above", "service_tiers", "request", "per", "currency"}
	for _, r := range p.list() {
		known = append(known, r.name)
	}
	for _, f := range fields.List {
		if f.Key == "above" {
			if p.Above, err = ReadTiers("price.above", row[f.Start:f.End]); err != nil {
				return llm.Errorf(llm.InvalidArgument, "is not valid: %s", llm.AsError(err).Message)
			}
		} else if f.Key == "service_tiers" {
			if p.Services, err = ReadServices("price.service_tiers", row[f.Start:f.End]); err != nil {
				return llm.Errorf(llm.InvalidArgument, "is not valid: %s", llm.AsError(err).Message)
			}
		} else if hint := suggest.For(f.Key, known); hint != "" && !slices.Contains(known, f.Key) {
			return llm.Errorf(llm.InvalidArgument, "has the unknown key %s%s", shown.Name(f.Key), hint)
		}
	}
	return nil
}

// tables are those that were read from files.
var tables struct {
	sync.Mutex // guards what follows
	path       string
	changed    time.Time
	size       int64
	table      *Table
}

// FromEnvironment is the table of the file that LLMAGG_PRICES names, nil if it
// names none. A file is read again when it has changed.
func FromEnvironment(getenv func(string) (string, bool)) (*Table, error) {
	if getenv == nil {
		return nil, nil
	}
	path, _ := getenv(Variable)
	if path == "" {
		return nil, nil
	}
	tables.Lock()
	defer tables.Unlock()
	info, err := os.Stat(path)
	if err == nil && tables.path == path && tables.size == info.Size() && tables.changed.Equal(info.ModTime()) {
		return tables.table, nil
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "the file of %s cannot be read: %s", Variable, shown.File(err))
	}
	t, err := ReadTable(data, "the file of "+Variable+", "+path+",")
	if err != nil {
		return nil, err
	}
	tables.path, tables.size, tables.changed, tables.table = path, info.Size(), info.ModTime(), t
	return t, nil
}
