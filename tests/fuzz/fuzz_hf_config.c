/* config.json from strangers: what is accepted is a config that sessions can be made of, what is
 * not gives an error that says where. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "models/files/config_priv.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ltd_llm_config c;
    ltd_err err = LTD_ERR_INIT;
    int rc = ltd_config_parse_hf(&c, (const char *)data, size, "fuzz/config.json", &err);
    if (rc < 0) {
        assert(err.code == rc && strncmp(err.msg, "fuzz/config.json: ", 18) == 0);
        return 0;
    }
    assert(rc == LTD_OK && ltd_llm_config_check(&c, "fuzz", NULL) == LTD_OK);
    const float positive[] = {c.rms_eps, c.rope_theta, c.attn_scale, c.embed_scale};
    for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
        assert(isfinite(positive[i]) && positive[i] > 0);
    for (int i = 0; i < c.head_dim / 2; i++) assert(isfinite(c.rope_div[i]) && c.rope_div[i] > 0);
    assert(c.window >= 0 && (c.window == 0 || c.rope_local_theta > 0));
    for (int i = 0; i < c.n_layers; i++) assert(!c.slides[i] || c.window > 0);
    assert(c.bos >= -1 && c.eos >= -1 && c.pad >= -1);
    return 0;
}
