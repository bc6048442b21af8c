/* The folder of kept originals (source/original_cache.h). */
#include "config_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "source/original_cache.h"

static int set_up(void **state) {
    (void)state;
    make_config_folder();
    make_dir("kept");
    return 0;
}

static si_original_cache *open_cache(int64_t most) {
    int fd = open(in_folder("kept"), O_RDONLY | O_DIRECTORY);
    si_original_cache *c = si_original_cache_open(fd, most, 0);
    assert_non_null(c);
    return c;
}

static si_original_name name_of(int i) {
    static char keys[4][32];
    char *key = keys[i % 4];
    snprintf(key, sizeof keys[0], "shop/%d.png", i);
    return (si_original_name){1, 2, key};
}

/* Puts `size` bytes, all of which are `i`. */
static void put(si_original_cache *c, int i, int size) {
    char *bytes = malloc((size_t)size);
    int fd = memfd_create("x", 0);
    si_original_name name = name_of(i);
    memset(bytes, i, (size_t)size);
    assert_int_equal(write(fd, bytes, (size_t)size), size);
    si_original_cache_put(c, &name, fd, size);
    close(fd);
    free(bytes);
}

/* Whether it is there, whole. */
static bool has(si_original_cache *c, int i, int size) {
    si_original_name name = name_of(i);
    struct stat st;
    char byte;
    int fd = si_original_cache_get(c, &name);
    if (fd < 0) {
        return false;
    }
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, size);
    assert_int_equal(pread(fd, &byte, 1, size - 1), 1);
    assert_int_equal(byte, i);
    assert_true((fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE) != 0);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    close(fd);
    return true;
}

static int64_t bytes_in_folder(int *files) {
    DIR *dir = opendir(in_folder("kept"));
    const struct dirent *d;
    int64_t bytes = 0;
    *files = 0;
    while ((d = readdir(dir)) != NULL) {
        struct stat st;
        if (d->d_name[0] != '.' && fstatat(dirfd(dir), d->d_name, &st, 0) == 0) {
            bytes += st.st_size;
            (*files)++;
        }
    }
    closedir(dir);
    return bytes;
}

static int empty(void **state) {
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'/kept/* '%s'/kept/.new*", folder, folder);
    return system(command);
}

static void test_kept(void **state) {
    (void)state;
    si_original_cache *c = open_cache(1 << 20);
    assert_false(has(c, 1, 100));
    put(c, 1, 100);
    put(c, 2, 5000);
    put(c, 1, 100);
    assert_true(has(c, 1, 100));
    assert_true(has(c, 2, 5000));
    si_original_name other = name_of(1);
    other.version++;
    assert_int_equal(si_original_cache_get(c, &other), -1);
    si_original_cache_close(c);
    write_file("kept/.new-123", "of a process that was killed");
    write_file("kept/notes.txt", "of somebody");
    c = open_cache(1 << 20);
    assert_true(has(c, 1, 100));
    assert_true(has(c, 2, 5000));
    assert_int_not_equal(access(in_folder("kept/.new-123"), F_OK), 0);
    assert_int_equal(access(in_folder("kept/notes.txt"), F_OK), 0);
    si_original_cache_close(c);
}

static void test_bounded(void **state) {
    (void)state;
    int files;
    si_original_cache *c = open_cache(10000);
    for (int i = 0; i < 4; i++) {
        put(c, i, 3000);
    }
    assert_true(bytes_in_folder(&files) <= 10000);
    assert_int_equal(files, 3);
    assert_false(has(c, 0, 3000));
    assert_true(has(c, 1, 3000)); /* so it is the last to go */
    put(c, 0, 3000);
    assert_false(has(c, 2, 3000));
    assert_true(has(c, 1, 3000));
    put(c, 2, 20000); /* nothing goes for what has no room at all */
    assert_false(has(c, 2, 20000));
    assert_true(has(c, 1, 3000));
    si_original_cache_close(c);
    c = open_cache(4000); /* of a server with less */
    assert_true(bytes_in_folder(&files) <= 4000);
    assert_int_equal(files, 1);
    si_original_cache_close(c);
}

/* No byte of a file may be another, and none may be missing, or too many. */
static void test_damaged(void **state) {
    (void)state;
    si_original_cache *c = open_cache(1 << 20);
    put(c, 7, 200);
    DIR *dir = opendir(in_folder("kept"));
    const struct dirent *d;
    char path[600] = "", whole[400];
    while ((d = readdir(dir)) != NULL) {
        if (d->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%.100s", in_folder("kept"), d->d_name);
        }
    }
    closedir(dir);
    int fd = open(path, O_RDONLY);
    ssize_t len = read(fd, whole, sizeof whole);
    close(fd);
    assert_int_equal(len, 264);
    for (int i = 0; i <= len; i++) {
        bool padding = i >= 48 && i < 64; /* of the head, that nobody looks at */
        char bytes[400];
        memcpy(bytes, whole, sizeof bytes);
        bytes[i < len ? i : 0] ^= 1;
        fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
        assert_int_equal(write(fd, bytes, (size_t)len), len);
        close(fd);
        si_original_cache_close(c);
        c = open_cache(1 << 20);
        assert_true(has(c, 7, 200) == padding);
        assert_true((access(path, F_OK) == 0) == padding);
    }
    for (int i = 0; i < 300; i += 7) {
        fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
        assert_int_equal(write(fd, whole, (size_t)i), i);
        close(fd);
        si_original_cache_close(c);
        c = open_cache(1 << 20);
        assert_false(has(c, 7, 200));
    }
    si_original_cache_close(c);
}

static void test_none(void **state) {
    (void)state;
    si_original_name name = name_of(1);
    assert_int_equal(si_original_cache_get(NULL, &name), -1);
    si_original_cache_put(NULL, &name, 0, 5);
    int fd = open("/proc", O_RDONLY | O_DIRECTORY);
    if (geteuid() != 0) {
        assert_null(si_original_cache_open(fd, 1000, 0));
    }
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_kept, empty),
        cmocka_unit_test_setup(test_bounded, empty),
        cmocka_unit_test_setup(test_damaged, empty),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, set_up, remove_config_folder);
}
