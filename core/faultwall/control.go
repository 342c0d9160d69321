package faultwall

import (
	"errors"
	"net/http"
	"strings"
)

// controlPrefix is where a wall in a process of its own is asked about itself;
// see Options.Control. These requests are no part of what the wall saw.
const controlPrefix = "/_wall/"

func (w *Wall) control(out sink, r *http.Request, body []byte) {
	step := &Step{Body: object("ok", true)}
	switch r.Method + " " + strings.TrimPrefix(r.URL.Path, controlPrefix) {
	case "GET seen":
		step.Body = w.Seen()
	case "POST release":
		w.Release(r.URL.Query().Get("name"))
	case "POST script":
		script, err := ParseScript(body)
		if script.Down {
			err = errors.New("faultwall: a wall that is down could not be reached to bring it back")
		}
		if err == nil {
			err = w.SetScript(script)
		}
		if err != nil {
			step = &Step{Status: http.StatusBadRequest, Body: object("error", object("message", err.Error()))}
		}
	default:
		step = &Step{Status: http.StatusNotFound, Body: object("error", object("message", "faultwall: unknown control path"))}
	}
	c := &call{dialect: openAI{}, kind: KindOther}
	a := compose(c, step)
	if out.head(headOf(c, step, a), nil) != nil {
		return
	}
	for p := range a.pieces {
		if out.write(p.data) != nil {
			return
		}
	}
	_ = out.finish()
}
