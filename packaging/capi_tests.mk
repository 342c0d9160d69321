# The tests of the C ABI: programs in C and C++ against the shared library, the examples, the header, the exported symbols; the
# same programs under sanitizers and valgrind.

CAPI_OUT      := $(BUILD)/capi
CAPI_NAMES    := $(patsubst tests/capi/%.c,%,$(wildcard tests/capi/*.c))
CAPI_PROGRAMS := $(addprefix $(CAPI_OUT)/,$(CAPI_NAMES) cpp)
CAPI_LOADED   := $(patsubst tests/capi/loaded/%.c,loaded/%,$(wildcard tests/capi/loaded/*.c))
CAPI_EXAMPLES := $(patsubst examples/c/%.c,$(CAPI_OUT)/example_%,$(wildcard examples/c/*.c)) \
                 $(patsubst examples/cpp/%.cpp,$(CAPI_OUT)/example_cpp_%,$(wildcard examples/cpp/*.cpp))
CAPI_CXX      := $(CXX) -std=c++17 -O1 -g -Iinclude
CAPI_SCRIPTS  := $(addprefix tests/capi/,header.sh symbols.sh rules.sh examples.sh)
CAPI_HEADERS  := $(wildcard tests/capi/*.h tests/capi/*.def) include/llmagg.h
CAPI_WARN     := -Wall -Wextra -Wpedantic -Werror
CAPI_CFLAGS   := -std=gnu11 -O1 -g $(CAPI_WARN) -Wno-unused-function -Iinclude -Itests/capi
CAPI_LINK     := -Iinclude -L$(BUILD) -lllmagg "-Wl,-rpath,$(abspath $(BUILD))" -pthread

.PHONY: capi-test capi-asan capi-valgrind capi-race capi-tsan capi-tools

capi-test: lib $(CAPI_PROGRAMS) $(CAPI_LOADED:%=$(CAPI_OUT)/%) $(CAPI_EXAMPLES) ## tests of the C ABI, in C, C++ and ctypes
	@CC="$(CC)" CXX="$(CXX)" BUILD="$(BUILD)" OUT="$(CAPI_OUT)" sh tests/capi/run.sh $(CAPI_PROGRAMS) $(CAPI_LOADED:%=$(CAPI_OUT)/%) $(CAPI_SCRIPTS)

$(CAPI_OUT)/cpp: tests/capi/cpp.cpp examples/cpp/llmagg.hpp include/llmagg.h $(BUILD)/libllmagg.so
	@mkdir -p $(CAPI_OUT)
	$(CAPI_CXX) $(CAPI_WARN) $< -o $@ $(CAPI_LINK)

$(CAPI_OUT)/example_cpp_%: examples/cpp/%.cpp examples/cpp/llmagg.hpp include/llmagg.h $(BUILD)/libllmagg.so
	@mkdir -p $(CAPI_OUT)
	$(CXX) -std=c++17 -O1 -g $(CAPI_WARN) $< -o $@ $(CAPI_LINK)

$(CAPI_OUT)/example_%: examples/c/%.c include/llmagg.h $(BUILD)/libllmagg.so
	@mkdir -p $(CAPI_OUT)
	$(CC) -std=c99 -O1 -g $(CAPI_WARN) $< -o $@ $(CAPI_LINK)

# Programs that are not linked with the library: they load it.
$(CAPI_OUT)/loaded/%: tests/capi/loaded/%.c tests/capi/loaded/host.h $(CAPI_HEADERS) $(BUILD)/libllmagg.so
	@mkdir -p $(dir $@)
	$(CC) $(CAPI_CFLAGS) -DLIBRARY='"$(abspath $(BUILD))/libllmagg.so"' $< -o $@ -ldl -lm -pthread

$(CAPI_OUT)/%: tests/capi/%.c $(CAPI_HEADERS) $(BUILD)/libllmagg.so
	@mkdir -p $(CAPI_OUT)
	$(CC) $(CAPI_CFLAGS) $< -o $@ $(CAPI_LINK)

# ---- AddressSanitizer with its leak check, and UndefinedBehaviorSanitizer, in the library and in the programs. This build also
# holds the injected panics (tag llmagg_inject), which only tests/capi/inject asks for. Needs gcc.

CAPI_ASAN   := $(BUILD)/asan
CAPI_CHECKS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CAPI_ASANED := $(addprefix $(CAPI_ASAN)/,$(CAPI_NAMES) $(CAPI_LOADED) cpp) $(CAPI_ASAN)/inject/panics

capi-asan: $(CAPI_ASANED) ## the C tests under AddressSanitizer and UndefinedBehaviorSanitizer, with injected panics
	@OUT="$(CAPI_ASAN)" LIMIT=240 ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1 \
		UBSAN_OPTIONS=print_stacktrace=1 sh tests/capi/run.sh $(CAPI_ASANED)

$(CAPI_ASAN)/libllmagg.so: $(LIB_SOURCES) $(LIB_OVERLAY)
	@mkdir -p $(CAPI_ASAN)
	CGO_ENABLED=1 CGO_CFLAGS="-g -O1 $(CAPI_CHECKS)" CGO_LDFLAGS=-fsanitize=undefined \
		$(LIB_GO) build -overlay $(LIB_OVERLAY) -asan -buildmode=c-shared -trimpath -buildvcs=false -tags $(LIB_TAGS),llmagg_inject -o $@ ./capi

$(CAPI_ASAN)/loaded/%: tests/capi/loaded/%.c tests/capi/loaded/host.h $(CAPI_HEADERS) $(CAPI_ASAN)/libllmagg.so
	@mkdir -p $(dir $@)
	$(CC) $(CAPI_CFLAGS) $(CAPI_CHECKS) -DLIBRARY='"$(abspath $(CAPI_ASAN))/libllmagg.so"' $< -o $@ -ldl -lm -pthread

$(CAPI_ASAN)/cpp: tests/capi/cpp.cpp examples/cpp/llmagg.hpp include/llmagg.h $(CAPI_ASAN)/libllmagg.so
	$(CAPI_CXX) $(CAPI_WARN) $(CAPI_CHECKS) $< -o $@ -L$(CAPI_ASAN) -lllmagg "-Wl,-rpath,$(abspath $(CAPI_ASAN))" -pthread

$(CAPI_ASAN)/%: tests/capi/%.c $(CAPI_HEADERS) $(CAPI_ASAN)/libllmagg.so
	@mkdir -p $(dir $@)
	$(CC) $(CAPI_CFLAGS) $(CAPI_CHECKS) $< -o $@ -L$(CAPI_ASAN) -lllmagg "-Wl,-rpath,$(abspath $(CAPI_ASAN))" -pthread

# ---- valgrind, with a library that tells it of Go's heap and stacks (Go's tag valgrind). What is lost at the end is an error. Go's
# collector is off, since what it hands out again makes valgrind's leak check give up. valgrind 3.19 reads DWARF 4, and cannot name
# what Go inlined, so nothing is inlined: valgrind.supp tells Go's functions by their names. Not here: programs that are about time in
# forked children.

CAPI_VG      := $(BUILD)/valgrind
CAPI_VGRIND  := $(addprefix $(CAPI_VG)/,$(filter-out fork fork_in_flight signals,$(CAPI_NAMES)))
VALGRIND     ?= valgrind
CAPI_VG_WRAP := $(VALGRIND) -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
                --errors-for-leak-kinds=definite,indirect,possible --num-callers=40 --fair-sched=try --suppressions=tests/capi/valgrind.supp

capi-valgrind: capi-tools $(CAPI_VGRIND) ## the C tests under valgrind: no invalid access, no lost byte
	@OUT="$(CAPI_VG)" LIMIT=400 CHECK_SLOW=20 GOGC=off WRAP="$(CAPI_VG_WRAP)" \
		sh tests/capi/run.sh $(CAPI_VGRIND)

$(CAPI_VG)/libllmagg.so: $(LIB_SOURCES) $(LIB_OVERLAY)
	@mkdir -p $(CAPI_VG)
	CGO_ENABLED=1 CGO_CFLAGS="-g -O1" GOEXPERIMENT=nodwarf5 \
		$(LIB_GO) build -overlay $(LIB_OVERLAY) -buildmode=c-shared -trimpath -buildvcs=false -tags $(LIB_TAGS),valgrind -gcflags=all=-l -o $@ ./capi

$(CAPI_VG)/%: tests/capi/%.c $(CAPI_HEADERS) $(CAPI_VG)/libllmagg.so
	@mkdir -p $(CAPI_VG)
	$(CC) $(CAPI_CFLAGS) $< -o $@ -L$(CAPI_VG) -lllmagg "-Wl,-rpath,$(abspath $(CAPI_VG))" -pthread

capi-tools: ## valgrind and clang, installed where they are missing (Debian, as root)
	@command -v valgrind >/dev/null && { command -v clang || command -v clang-14; } >/dev/null || \
		{ apt-get update && apt-get install -y --no-install-recommends valgrind clang; }

# ---- Go's race detector under threads of C. It cannot live in a shared library (its shadow memory has no place for the addresses
# that one is loaded at), so the programs are linked with the archive, at fixed addresses. As in the archive that is installed, all
# of it is one object, in which Go's initializer stands before ours (capi/signals.c).

CAPI_RACE  := $(BUILD)/race
CAPI_RACED := $(addprefix $(CAPI_RACE)/,$(CAPI_NAMES))

capi-race: $(CAPI_RACED) ## the C tests against the library under Go's race detector
	@OUT="$(CAPI_RACE)" LIMIT=240 GORACE=halt_on_error=1 sh tests/capi/run.sh $(CAPI_RACED)

$(CAPI_RACE)/libllmagg.a: $(LIB_SOURCES) $(LIB_OVERLAY)
	@mkdir -p $(CAPI_RACE)
	CGO_ENABLED=1 $(LIB_GO) build -overlay $(LIB_OVERLAY) -race -buildmode=c-archive -trimpath -buildvcs=false -tags $(LIB_TAGS) -o $(CAPI_RACE)/go.a ./capi
	$(CC) -r -nostdlib -Wl,--whole-archive $(CAPI_RACE)/go.a -Wl,--no-whole-archive -Wl,-d -o $(CAPI_RACE)/llmagg.o
	@rm -f $@
	ar rcsD $@ $(CAPI_RACE)/llmagg.o

$(CAPI_RACE)/%: tests/capi/%.c $(CAPI_HEADERS) $(CAPI_RACE)/libllmagg.a
	$(CC) $(CAPI_CFLAGS) -no-pie $< -o $@ $(CAPI_RACE)/libllmagg.a -pthread

# ---- ThreadSanitizer over the C files that need no Go. Over the whole library it would see every hand-over by Go's scheduler as a
# race, for it does not know it.

CAPI_SHIM := capi/fork.c capi/wake.c capi/error.c capi/queue.c capi/queue_write.c

capi-tsan: ## the C files that need no Go, under ThreadSanitizer; queue and register also under AddressSanitizer and UndefinedBehaviorSanitizer
	@mkdir -p $(BUILD)/tsan
	for name in threads events; do $(CC) $(CAPI_CFLAGS) -Icapi -fsanitize=thread tests/capi/shim/$$name.c $(CAPI_SHIM) -o $(BUILD)/tsan/$$name -pthread || exit 1; done
	$(CC) $(CAPI_CFLAGS) -Icapi $(CAPI_CHECKS) tests/capi/shim/events.c $(CAPI_SHIM) -o $(BUILD)/tsan/events-asan -pthread
	$(CC) $(CAPI_CFLAGS) -Icapi -fsanitize=thread tests/capi/shim/handles.c $(CAPI_SHIM) capi/register.c -o $(BUILD)/tsan/handles -pthread
	$(CC) $(CAPI_CFLAGS) -Icapi $(CAPI_CHECKS) tests/capi/shim/handles.c $(CAPI_SHIM) capi/register.c -o $(BUILD)/tsan/handles-asan -pthread
	@OUT="$(BUILD)/tsan" TSAN_OPTIONS=halt_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 sh tests/capi/run.sh \
		$(BUILD)/tsan/threads $(BUILD)/tsan/events $(BUILD)/tsan/handles $(BUILD)/tsan/events-asan $(BUILD)/tsan/handles-asan
