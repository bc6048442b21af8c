/* Runs a fuzz target over files, and over those of folders, without libFuzzer. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20 };

static int run_file(const char *path) {
    static uint8_t data[INPUT_MAX];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return 0;
    }
    size_t len = fread(data, 1, sizeof data, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, len);
    return 1;
}

static int run_folder(const char *path) {
    DIR *dir = opendir(path);
    struct dirent *d;
    int count = 0;
    while (dir != NULL && (d = readdir(dir)) != NULL) {
        char name[4096];
        int len = snprintf(name, sizeof name, "%s/%s", path, d->d_name);
        if (d->d_name[0] != '.' && len > 0 && (size_t)len < sizeof name) {
            count += run_file(name);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

int main(int argc, char **argv) {
    int count = 0;
    for (int i = 1; i < argc; i++) {
        struct stat s;
        bool folder = stat(argv[i], &s) == 0 && S_ISDIR(s.st_mode);
        count += folder ? run_folder(argv[i]) : run_file(argv[i]);
    }
    printf("%d inputs, nothing found\n", count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
