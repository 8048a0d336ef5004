/* swell wit and swell component: their options and manuals, which both programs have. */
#include "cli/cli.h"

// clang-format off
static const cli_option WIT_OPTIONS[] = {
    {"json",         0,   NULL,   "print JSON for programs", false},
    {"wasm",         'w', NULL,   "write the package in binary form, to the file of --output", false},
    {"output",       'o', "FILE", "write there instead of to standard output", false},
    {"out-dir",      0,   "DIR",  "write a file for each package: DIR/main.wit, DIR/deps/other.wit", false},
    {"features",     0,   "NAME[,NAME...]", "keep what is @unstable with these features", true},
    {"all-features", 0,   NULL,   "keep everything that is @unstable", false},
    {"no-docs",      0,   NULL,   "leave comments out", false},
};

static const cli_example WIT_EXAMPLES[] = {
    {"swell wit app.wasm",               "The world of a component, as text."},
    {"swell wit check",                  "Whether the folder ./wit is in order."},
    {"swell wit --wasm -o pkg.wasm wit", "The package in the form that registries keep."},
    {"swell wit --json wit | jq .worlds", "For programs."},
};

static const cli_option COMPONENT_OPTIONS[] = {
    {"output",          'o', "FILE",     "embed, strip: where to write", false},
    {"world",           0,   "NAME",     "embed: the world that the module is for; not needed when there is one", false},
    {"string-encoding", 0,   "ENCODING", "embed: how the module has its strings: utf8 (the default), utf16, "
                                         "latin1+utf16", false},
    {"features",        0,   "NAME[,NAME...]", "embed: keep what is @unstable with these features", true},
    {"all-features",    0,   NULL,       "embed: keep everything that is @unstable", false},
    {"json",            0,   NULL,       "metadata: print JSON for programs", false},
    {"all",             0,   NULL,       "strip: leave out names and metadata, too", false},
    {"delete",          0,   "NAME",     "strip: leave out custom sections of this name alone", false},
    {"out-dir",         0,   "DIR",      "unbundle: write the core modules there, as module0.wasm and so on", false},
};

static const cli_example COMPONENT_EXAMPLES[] = {
    {"swell component embed wit core.wasm -o ready.wasm", "Tell in the module which world it is for."},
    {"swell component metadata app.wasm",                 "What is inside, and which tools made it."},
    {"swell component strip app.wasm -o small.wasm",      "Without debug information."},
    {"swell component unbundle app.wasm --out-dir parts", "The core modules of a component."},
};
// clang-format on

const cli_verb CLI_WIT = {
    .name = "wit",
    .operands = "[check] FILE|DIR|COMPONENT",
    .summary = "print, check and convert WIT",
    .description =
        "Reads a .wit file, a folder of them with dependencies in its folder deps, a\n"
        "package in binary form, a component, or a core module with metadata, and prints\n"
        "it as canonical text: the main package, and behind it in braces all others.\n"
        "Includes of worlds are written out. A component becomes the world\n"
        "root:component/root.\n"
        "\n"
        "'swell wit check' prints nothing when all is well; without an operand it checks\n"
        "the folder wit. Messages show the place.\n"
        "\n"
        "Exit codes: 0 when the WIT is fine, 2 for a wrong command line and for WIT or\n"
        "binaries that are malformed or invalid, 1 for other failures.",
    .options = WIT_OPTIONS,
    .options_count = sizeof WIT_OPTIONS / sizeof WIT_OPTIONS[0],
    .examples = WIT_EXAMPLES,
    .examples_count = sizeof WIT_EXAMPLES / sizeof WIT_EXAMPLES[0],
    .operands_min = 1,
    .operands_max = 2,
    .run = cli_wit,
};

const cli_verb CLI_COMPONENT = {
    .name = "component",
    .operands = "embed WIT MODULE|metadata FILE|strip FILE|unbundle FILE",
    .summary = "metadata and parts of modules and components",
    .description =
        "embed writes MODULE with a custom section that says for which world of WIT it\n"
        "is, as compilers do it.\n"
        "\n"
        "metadata shows the modules and components in FILE with their names, sizes,\n"
        "custom sections and producers.\n"
        "\n"
        "strip leaves custom sections out at all levels; names and what other tools need\n"
        "stay, unless --all is given.\n"
        "\n"
        "unbundle writes the core modules of a component as files.\n"
        "\n"
        "Exit codes: 0, 2 for a wrong command line or malformed files, 1 for other\n"
        "failures. Files are written whole or not at all.",
    .options = COMPONENT_OPTIONS,
    .options_count = sizeof COMPONENT_OPTIONS / sizeof COMPONENT_OPTIONS[0],
    .examples = COMPONENT_EXAMPLES,
    .examples_count = sizeof COMPONENT_EXAMPLES / sizeof COMPONENT_EXAMPLES[0],
    .operands_min = 1,
    .operands_max = 3,
    .run = cli_component,
};
