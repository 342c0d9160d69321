package vendor

import "strings"

// NearKey is a variable of the environment that nothing reads, and the
// variable of a vendor's key that it is probably meant to be.
type NearKey struct{ Name, Near string }

// NearKeys lists the variables of an environment whose names are nearly those
// of vendors' keys, as OPENAI_KEY, for vendors without a key.
func NearKeys(getenv func(string) (string, bool)) []NearKey {
	var found []NearKey
	for _, rows := range [][]Vendor{vendors, presets} {
		for i := range rows {
			if near, ok := rows[i].nearKey(getenv); ok {
				found = append(found, near)
			}
		}
	}
	return found
}

// endings are what people write for _API_KEY.
const endings = "_KEY _APIKEY APIKEY _API_TOKEN _TOKEN _API_KEYS _SECRET_KEY"

// nearKey finds the variable that is set in the place of one of the vendor's
// keys: with another ending, in lower case, or with the vendor's name.
func (v *Vendor) nearKey(getenv func(string) (string, bool)) (near NearKey, found bool) {
	keys := v.allKeys()
	if getenv == nil || len(keys) == 0 {
		return near, false
	}
	try := func(name, key string) {
		if value, _ := getenv(name); value != "" && !found {
			near, found = NearKey{name, key}, true
		}
	}
	for _, key := range keys {
		if value, _ := getenv(key); value != "" {
			return near, false
		}
	}
	for _, key := range keys {
		try(strings.ToLower(key), key)
		if stem, ok := strings.CutSuffix(key, "_API_KEY"); ok {
			for end := range strings.FieldsSeq(endings) {
				try(stem+end, key)
			}
		}
	}
	name := strings.ToUpper(strings.ReplaceAll(v.name, "-", "_"))
	try(name+"_API_KEY", keys[0])
	try(name+"_KEY", keys[0])
	return near, found
}
