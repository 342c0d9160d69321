# The tests of the C ABI: programs in C and C++ against the shared library, the examples, the header, the exported symbols.

CAPI_OUT      := $(BUILD)/capi
CAPI_PROGRAMS := $(patsubst tests/capi/%.c,$(CAPI_OUT)/%,$(wildcard tests/capi/*.c))
CAPI_EXAMPLES := $(patsubst examples/c/%.c,$(CAPI_OUT)/example_%,$(wildcard examples/c/*.c)) \
                 $(patsubst examples/cpp/%.cpp,$(CAPI_OUT)/example_cpp_%,$(wildcard examples/cpp/*.cpp))
CAPI_WARN     := -Wall -Wextra -Wpedantic -Werror
CAPI_LINK     := -Iinclude -L$(BUILD) -lllmagg "-Wl,-rpath,$(abspath $(BUILD))" -pthread

.PHONY: capi-test

capi-test: lib $(CAPI_PROGRAMS) $(CAPI_EXAMPLES) ## tests of the C ABI, in C, C++ and ctypes
	@CC="$(CC)" CXX="$(CXX)" BUILD="$(BUILD)" OUT="$(CAPI_OUT)" sh tests/capi/run.sh $(CAPI_PROGRAMS) tests/capi/header.sh tests/capi/symbols.sh tests/capi/examples.sh

$(CAPI_OUT)/example_cpp_%: examples/cpp/%.cpp include/llmagg.h $(BUILD)/libllmagg.so
	@mkdir -p $(CAPI_OUT)
	$(CXX) -std=c++17 -O1 -g $(CAPI_WARN) $< -o $@ $(CAPI_LINK)

$(CAPI_OUT)/example_%: examples/c/%.c include/llmagg.h $(BUILD)/libllmagg.so
	@mkdir -p $(CAPI_OUT)
	$(CC) -std=c99 -O1 -g $(CAPI_WARN) $< -o $@ $(CAPI_LINK)

$(CAPI_OUT)/%: tests/capi/%.c tests/capi/check.h include/llmagg.h $(BUILD)/libllmagg.so
	@mkdir -p $(CAPI_OUT)
	$(CC) -std=gnu11 -O1 -g $(CAPI_WARN) -Wno-unused-function $< -o $@ $(CAPI_LINK)
