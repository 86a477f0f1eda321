#include "trainer/distill/openers.h"

/* clang-format off */
const char *const ltd_openers[] = {
    /* questions */
    "Who", "Who was", "Who wrote", "What is", "What are", "What does", "What was", "When did",
    "When was", "Where is", "Where do", "Which", "How do", "How does", "How many", "How can I",
    "Why do", "Why is", "Can you", "Is it", "In which year",
    /* instructions */
    "Explain", "Describe", "List", "Name", "Give me", "Suggest", "Compare", "Summarize", "Translate",
    "Rewrite the following", "Classify", "Identify", "Convert", "Find", "Create", "Generate",
    "Design", "Imagine", "Help me", "Provide", "Construct", "Edit", "Outline", "Define",
    "Determine", "Evaluate", "Propose",
    /* texts */
    "Write", "Write a short", "Write a poem", "Write an email", "Write a story", "Compose", "Draft",
    "Tell me", "Act as", "Pretend",
    /* sums */
    "A farmer has", "Maria bought", "Tom has", "There are", "If a", "A train", "Each week",
    "A shop sells", "Calculate", "Solve", "What is the sum of", "The ratio", "Ben earns",
    /* programs */
    "Write a Python function", "Write a program", "def", "Complete this function:\n\ndef",
    "Complete the code.\n\ndef", "from typing import List\n\n\ndef", "Implement", "Fix this code:",
    "How would you implement",
};
/* clang-format on */
const size_t ltd_openers_count = sizeof ltd_openers / sizeof *ltd_openers;
