package llm

import (
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// ParseModels reads a list of models' names from JSON text. An entry may be a
// list of names, [["a", "b"], "c"]: a group, whose routes the aggregator's
// strategy orders among themselves. groups are the sizes of the groups, nil if
// no entry is a list.
func ParseModels(v []byte) (models []string, groups []int, err error) {
	if v[0] == 'n' {
		return nil, nil, nil
	}
	if v[0] == '[' && JSON.Unmarshal(v, &models) == nil {
		if len(models) == 0 {
			return nil, nil, ErrNoModels()
		}
		return models, nil, CheckModels(models)
	}
	if v[0] == '"' {
		return nil, nil, Errorf(InvalidArgument, "\"models\" is a string; expected a list of names, such as [\"provider/model\"]")
	}
	entries, err := jsontext.ItemsOf(v)
	if err != nil {
		return nil, nil, Errorf(InvalidArgument, "\"models\" has the wrong type; expected a list of names, such as [\"provider/model\"]")
	}
	models = models[:0]
	for i, entry := range entries {
		var name string
		var group []string
		switch {
		case entry[0] == '"' && JSON.Unmarshal(entry, &name) == nil:
			group = []string{name}
		case entry[0] != '[' || JSON.Unmarshal(entry, &group) != nil:
			return nil, nil, Errorf(InvalidArgument, "models[%d] has the wrong type; expected a name, or a group of names, such as [\"a\", \"b\"]", i)
		case len(group) == 0:
			return nil, nil, Errorf(InvalidArgument, "models[%d] is an empty group; expected names, such as [\"a\", \"b\"]", i)
		}
		models, groups = append(models, group...), append(groups, len(group))
	}
	return models, groups, CheckModels(models)
}

// ErrNoModels is the error of a list of models that is given and has no name.
func ErrNoModels() error {
	return Errorf(InvalidArgument, "\"models\" is an empty list; leave it out for all models of the configuration")
}

// CheckModels refuses names that no model can have.
func CheckModels(models []string) error {
	for i, name := range models {
		what := "models[" + strconv.Itoa(i) + "]"
		if name == "" {
			return Errorf(InvalidArgument, "%s is empty; expected the name of a model, or \"provider/model\"", what)
		}
		if err := CheckName(what, name); err != nil {
			return err
		}
		if at := strings.IndexAny(name, ",;|"); at > 0 && strings.Contains(name[:at], "/") && strings.Contains(name[at:], "/") {
			return Errorf(InvalidArgument, "%s is a list in one text; expected one name: each model is an entry of its own (in LLMAGG_MODELS, commas separate them)", what)
		}
	}
	return nil
}
