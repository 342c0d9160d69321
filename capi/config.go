package main

// #include "shim.h"
import "C"

import (
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/vendor"
)

//export goConfigCheck
func goConfigCheck(config *C.char, n C.size_t, flags C.uint32_t, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_config_check", err, func() error {
		if rest := flags &^ (C.LLMAGG_CONFIG_LENIENT | C.LLMAGG_CONFIG_SKIP | C.LLMAGG_CONFIG_ADDRESSES); rest != 0 {
			return llm.Errorf(llm.InvalidArgument, "argument flags has the unknown bits 0x%x; expected a sum of LLMAGG_CONFIG_LENIENT, LLMAGG_CONFIG_SKIP and LLMAGG_CONFIG_ADDRESSES", uint32(rest))
		}
		o := parseOptions()
		o.Environment = nil // bindings ask llmagg_settings, to warn as their language does
		o.Lenient = flags&C.LLMAGG_CONFIG_LENIENT != 0
		skip := flags&C.LLMAGG_CONFIG_SKIP != 0
		o.BlankIsUnset = skip
		checked, e := client.CheckConfig(borrow(config, n), o, clientOptions(), skip)
		if e != nil {
			return e
		}
		if e := fleet.Check(checked.Fleet); e != nil {
			return e
		}
		for i := range checked.Models {
			if flags&C.LLMAGG_CONFIG_ADDRESSES != 0 {
				checked.Models[i].BaseURL = checked.Models[i].Asked
			}
		}
		return setJSON(out, checked)
	})
}

//export goSettings
func goSettings(out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_settings", err, func() error {
		return setJSON(out, struct {
			config.Settings
			Vendors  []vendor.Row      `json:"vendors"`
			Misspelt []config.Misspelt `json:"misspelt"`
		}{config.AllSettings(), vendor.Rows(), config.MisspeltIn(environment())})
	})
}
