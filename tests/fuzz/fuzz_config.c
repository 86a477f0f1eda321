#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "trainer/config/config.h"

/* What is accepted must print as YAML that reads back equal. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ltd_config config, again;
    ltd_config_init(&config);
    if (ltd_config_parse(&config, "fuzz", data, size, NULL) < 0) return 0;
    ltd_config_check(&config, NULL);
    ltd_str yaml = LTD_STR_INIT;
    ltd_config_to_yaml(&config, &yaml);
    ltd_config_init(&again);
    if (ltd_config_parse(&again, "again", ltd_str_text(&yaml), yaml.len, NULL) < 0) abort();
    if (memcmp(&config, &again, sizeof config) != 0) abort();
    ltd_str_fini(&yaml);
    return 0;
}
