/* The verbs of registries: options, help and examples, for both programs. */
#include "cli/cli.h"

#define QUIET_OPTION {"quiet", 'q', NULL, "no progress bars, and no digest", false}

static const cli_option PUSH_OPTIONS[] = {
    {"annotation", 'a', "KEY=VALUE", "put an annotation into the manifest", true },
    {"author",     0,   "NAME",      "say who made it",                     false},
    {"json",       0,   NULL,        "print what was done as JSON",         false},
    QUIET_OPTION,
    CLI_REGISTRY_OPTIONS,
};

static const cli_example PUSH_EXAMPLES[] = {
    {"swell push ghcr.io/acme/hello:1.0 hello.wasm",                                        "Publish a component."},
    {"swell push -a org.opencontainers.image.licenses=MIT localhost:5000/hello hello.wasm",
     "To a registry on this machine, with an annotation."                                                         },
};

const cli_verb CLI_PUSH = {
    .name = "push",
    .operands = "REFERENCE FILE",
    .summary = "publish a component or module in an OCI registry",
    .description =
        "Sends FILE as an artifact in the layout that the CNCF describes: one layer of\n"
        "type application/wasm, and a configuration that names imports and exports. A\n"
        "registry that refuses such a configuration gets an ordinary image's. Prints the\n"
        "digest of what was pushed.\n"
        "\n"
        "The time of creation is $SOURCE_DATE_EPOCH where it is set, so that the same\n"
        "file gives the same digest.\n"
        "\n"
        "Exit codes: 0; 2 for a wrong command line or an invalid file, 1 for other\n"
        "failures.",
    .options = PUSH_OPTIONS,
    .options_count = sizeof PUSH_OPTIONS / sizeof PUSH_OPTIONS[0],
    .examples = PUSH_EXAMPLES,
    .examples_count = sizeof PUSH_EXAMPLES / sizeof PUSH_EXAMPLES[0],
    .operands_min = 2,
    .operands_max = 2,
    .run = cli_push,
};

static const cli_option PULL_OPTIONS[] = {
    {"output", 'o', "FILE", "write the program there, too; '-' is standard output", false},
    CLI_PULL_OPTION,
    {"json",   0,   NULL,   "print what was done as JSON",                          false},
    QUIET_OPTION,
    CLI_REGISTRY_OPTIONS,
};

static const cli_example PULL_EXAMPLES[] = {
    {"swell pull ghcr.io/acme/hello:1.0",               "Have it in the store, for 'swell run'."},
    {"swell pull -o hello.wasm ghcr.io/acme/hello:1.0", "As a file."                            },
};

const cli_verb CLI_PULL = {
    .name = "pull",
    .operands = "REFERENCE",
    .summary = "fetch a component or module from an OCI registry",
    .description =
        "Fetches a program into the store, and prints the digest of what the reference\n"
        "led to. Every byte is verified against its digest. What is read: artifacts with\n"
        "one wasm layer, of any of the types that tools have used for it, and images for\n"
        "the platform wasi/wasm, whose entry point is a .wasm file.\n"
        "\n"
        "Unless --pull says otherwise, the registry is asked where a tag leads now.\n"
        "\n"
        "Exit codes: 0; 2 for a wrong command line or for content that is malformed or\n"
        "does not fit its digest, 1 for other failures.",
    .options = PULL_OPTIONS,
    .options_count = sizeof PULL_OPTIONS / sizeof PULL_OPTIONS[0],
    .examples = PULL_EXAMPLES,
    .examples_count = sizeof PULL_EXAMPLES / sizeof PULL_EXAMPLES[0],
    .operands_min = 1,
    .operands_max = 1,
    .run = cli_pull,
};

static const cli_option COPY_OPTIONS[] = {
    {"json", 0, NULL, "print what was done as JSON", false},
    QUIET_OPTION,
    CLI_REGISTRY_OPTIONS,
};

static const cli_example COPY_EXAMPLES[] = {
    {"swell copy ghcr.io/acme/hello:1.0-rc1 ghcr.io/acme/hello:1.0", "Release what was tested."},
};

const cli_verb CLI_COPY = {
    .name = "copy",
    .operands = "FROM TO",
    .summary = "copy an artifact or image between registries",
    .description =
        "Copies an artifact or image with all that belongs to it, byte by byte, so that\n"
        "its digest stays: an index with the images of all platforms. Within a registry\n"
        "the blobs are taken over where they are. Prints the digest.",
    .options = COPY_OPTIONS,
    .options_count = sizeof COPY_OPTIONS / sizeof COPY_OPTIONS[0],
    .examples = COPY_EXAMPLES,
    .examples_count = sizeof COPY_EXAMPLES / sizeof COPY_EXAMPLES[0],
    .operands_min = 2,
    .operands_max = 2,
    .run = cli_copy,
};

static const cli_option LOGIN_OPTIONS[] = {
    {"user",           'u', "NAME", "who; else the terminal is asked",                false},
    {"password-stdin", 0,   NULL,   "read the password or token from standard input", false},
    CLI_REGISTRY_OPTIONS,
};

static const cli_example LOGIN_EXAMPLES[] = {
    {"swell login ghcr.io",                                            "Ask for name and password."},
    {"echo \"$TOKEN\" | swell login -u acme --password-stdin ghcr.io", "In a script."              },
};

const cli_verb CLI_LOGIN = {
    .name = "login",
    .operands = "REGISTRY",
    .summary = "keep credentials for an OCI registry",
    .description =
        "Asks the registry whether it takes the credentials, and if so keeps them where\n"
        "Docker does: in the helper that its configuration names, or in the file\n"
        "$DOCKER_CONFIG/config.json, else ~/.docker/config.json, readable by its owner\n"
        "only; in $REGISTRY_AUTH_FILE where that is set. Podman's and Docker's own\n"
        "credentials are used as they are: who is logged in there is here.",
    .options = LOGIN_OPTIONS,
    .options_count = sizeof LOGIN_OPTIONS / sizeof LOGIN_OPTIONS[0],
    .examples = LOGIN_EXAMPLES,
    .examples_count = sizeof LOGIN_EXAMPLES / sizeof LOGIN_EXAMPLES[0],
    .operands_min = 1,
    .operands_max = 1,
    .run = cli_login,
};

static const cli_example LOGOUT_EXAMPLES[] = {
    {"swell logout ghcr.io", "Forget them."},
};

const cli_verb CLI_LOGOUT = {
    .name = "logout",
    .operands = "REGISTRY",
    .summary = "forget the credentials for an OCI registry",
    .description = "Removes them from the files and helpers of Docker and Podman.",
    .examples = LOGOUT_EXAMPLES,
    .examples_count = sizeof LOGOUT_EXAMPLES / sizeof LOGOUT_EXAMPLES[0],
    .operands_min = 1,
    .operands_max = 1,
    .run = cli_logout,
};
