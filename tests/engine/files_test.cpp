#include "engine/io/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/scratch.h"

namespace burin::test {
namespace {

using Names = std::vector<std::string>;

TEST(ReadFile, ReturnsEveryByte) {
  const Scratch scratch;
  for (const size_t size : {0, 1, 4095, 4096, 4097, 100000}) {
    std::string content(size, 'x');
    for (size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 7);
    EXPECT_EQ(read_file(scratch.write("file", content)), content);
  }
  // A file of unknown size.
  EXPECT_NE(read_file("/proc/self/status").find("Pid:"), std::string::npos);
}

TEST(ReadFile, Faults) {
  const Scratch scratch;
  const std::string missing = scratch.path("missing");
  expect_error([&] { read_file(missing); }, {missing, "No such file"});
  expect_error([&] { read_file(scratch.directory()); }, {scratch.directory(), "directory"});
  const std::string five = scratch.write("five", "12345");
  EXPECT_EQ(read_file(five, 5), "12345");
  expect_error([&] { read_file(five, 4); }, {five, "4 bytes"});
  expect_error([] { read_file("/dev/zero", 10000); }, {"/dev/zero", "10000 bytes"});
}

TEST(InputFile, Faults) {
  const Scratch scratch;
  const std::string path = scratch.write("file", "12345");
  InputFile file(path);
  EXPECT_EQ(file.size(), 5u);
  char bytes[6] = {};
  file.read(bytes, 3);
  EXPECT_STREQ(bytes, "123");
  expect_error([&] { file.read(bytes, 4); }, {path, "2 bytes too early"});
  expect_error([&] { InputFile(scratch.path("missing")); }, {scratch.path("missing")});
  expect_error([&] { InputFile(scratch.directory()); }, {scratch.directory(), "directory"});
  expect_error([&] { InputFile("/dev/zero"); }, {"/dev/zero", "regular"});
}

TEST(AtomicFile, CreatesAndReplaces) {
  const Scratch scratch;
  const std::string path = scratch.path("file");
  write_file_atomically(path, "old");
  EXPECT_EQ(scratch.read("file"), "old");
  write_file_atomically(path, std::string_view("n\0w", 3));
  EXPECT_EQ(scratch.read("file"), std::string("n\0w", 3));
  write_file_atomically(path, "");
  EXPECT_EQ(scratch.read("file"), "");
  EXPECT_EQ(scratch.entries(), Names{"file"});
}

TEST(AtomicFile, NothingIsSeenBeforeCommit) {
  const Scratch scratch;
  const std::string path = scratch.write("file", "old");
  {
    AtomicFile file(path);
    file.write("new", 3);
    EXPECT_EQ(scratch.read("file"), "old");
    EXPECT_EQ(scratch.entries().size(), 2u);
  }
  EXPECT_EQ(scratch.read("file"), "old");
  EXPECT_EQ(scratch.entries(), Names{"file"});
}

TEST(AtomicFile, TwoAtATimeDoNotMeet) {
  const Scratch scratch;
  AtomicFile first(scratch.path("file")), second(scratch.path("file"));
  first.write("first", 5);
  second.write("second", 6);
  second.commit();
  EXPECT_EQ(scratch.read("file"), "second");
  first.commit();
  EXPECT_EQ(scratch.read("file"), "first");
  EXPECT_EQ(scratch.entries(), Names{"file"});
}

TEST(AtomicFile, AFullDiskKeepsTheOldFile) {
  const Scratch scratch;
  const std::string path = scratch.write("file", "old");
  const std::string big(10000, 'x');
  {
    const FullDisk full(4096);
    expect_error([&] { write_file_atomically(path, big); }, {path, "cannot write"});
    expect_error([&] { write_file_atomically(scratch.path("other"), big); }, {"other"});
  }
  EXPECT_EQ(scratch.read("file"), "old");
  EXPECT_EQ(scratch.entries(), Names{"file"});
}

TEST(AtomicFile, PlacesThatCannotBeWritten) {
  const Scratch scratch;
  scratch.write("file", "old");
  for (const std::string& path : {scratch.path("file/below"), scratch.path("missing/file"),
                                  scratch.directory(), std::string("/proc/burin"), std::string()}) {
    expect_error([&] { write_file_atomically(path, "new"); }, {"'" + path + "'"});
  }
  EXPECT_EQ(scratch.entries(), Names{"file"});
}

TEST(AtomicFile, ADeviceIsWrittenToNotReplaced) {
  const Scratch scratch;
  const std::string path = scratch.path("pipe");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  write_file_atomically(path, "text");
  char bytes[5] = {};
  const ssize_t got = read(reader, bytes, 4);
  close(reader);
  EXPECT_STREQ(bytes, "text");
  // Only if pipes are safe are the machine's devices.
  ASSERT_EQ(got, 4);
  ASSERT_TRUE(std::filesystem::is_fifo(path));
  ASSERT_EQ(scratch.entries(), Names{"pipe"});
  expect_error([] { write_file_atomically("/dev/full", "x"); }, {"/dev/full", "No space"});
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST(AtomicFile, KeepsSymbolicLinksAndPermissions) {
  const Scratch scratch;
  const std::string target = scratch.write("target", "old");
  ASSERT_EQ(chmod(target.c_str(), 0640), 0);
  ASSERT_EQ(symlink("target", scratch.path("link").c_str()), 0);
  write_file_atomically(scratch.path("link"), "new");
  EXPECT_EQ(scratch.read("target"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(scratch.path("link")));
  struct stat status {};
  ASSERT_EQ(stat(target.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
  EXPECT_EQ(scratch.entries(), (Names{"link", "target"}));
}

TEST(AtomicFile, WorksInTheWorkingDirectory) {
  const Scratch scratch;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(scratch.directory());
  write_file_atomically("plain", "new");
  std::filesystem::current_path(before);
  EXPECT_EQ(scratch.read("plain"), "new");
}

TEST(Directories, AreCreated) {
  const Scratch scratch;
  create_directories(scratch.path("a/b/c"));
  EXPECT_TRUE(std::filesystem::is_directory(scratch.path("a/b/c")));
  create_directories(scratch.path("a/b/c"));
  create_directories(scratch.path("a/d/"));
  EXPECT_TRUE(std::filesystem::is_directory(scratch.path("a/d")));
}

TEST(Directories, Faults) {
  const Scratch scratch;
  scratch.write("file", "");
  for (const std::string& path :
       {scratch.path("file"), scratch.path("file/below"), std::string("/proc/burin")}) {
    expect_error([&] { create_directories(path); }, {path, "directory"});
  }
  expect_error([] { create_directories(""); }, {"empty"});
}

TEST(LineWriter, AppendsWholeLinesAtOnce) {
  const Scratch scratch;
  LineWriter writer(scratch.path("log"));
  EXPECT_EQ(scratch.read("log"), "");
  writer.append("one");
  EXPECT_EQ(scratch.read("log"), "one\n");
  writer.append("");
  writer.append("two");
  EXPECT_EQ(scratch.read("log"), "one\n\ntwo\n");
  LineWriter moved = std::move(writer);
  moved.append("three");
  LineWriter other(scratch.path("other"));
  other = std::move(moved);
  other.append("four");
  EXPECT_EQ(scratch.read("log"), "one\n\ntwo\nthree\nfour\n");
  EXPECT_EQ(scratch.read("other"), "");
}

TEST(LineWriter, RemovesAPartialLine) {
  const Scratch scratch;
  const std::string path = scratch.write("log", "one\ntwo\nthr");
  LineWriter(path).append("three");
  EXPECT_EQ(scratch.read("log"), "one\ntwo\nthree\n");
  scratch.write("log", "only a part");
  LineWriter(path).append("one");
  EXPECT_EQ(scratch.read("log"), "one\n");
  LineWriter(path).append("two");
  EXPECT_EQ(scratch.read("log"), "one\ntwo\n");
}

TEST(LineWriter, KeepsTheLinesAskedFor) {
  const Scratch scratch;
  const std::string path = scratch.write("log", "1\n2\n\n3\n2\n4");
  Names seen;
  LineWriter writer(path, [&](std::string_view line) {
    seen.emplace_back(line);
    return line <= "2";
  });
  EXPECT_EQ(seen, (Names{"1", "2", "", "3", "2"}));
  EXPECT_EQ(scratch.read("log"), "1\n2\n\n2\n");
  writer.append("5");
  EXPECT_EQ(scratch.read("log"), "1\n2\n\n2\n5\n");
  LineWriter(path, [](std::string_view) { return false; }).append("new");
  EXPECT_EQ(scratch.read("log"), "new\n");
  EXPECT_EQ(scratch.entries(), Names{"log"});
}

TEST(LineWriter, AFailingPredicateChangesNothing) {
  const Scratch scratch;
  const std::string path = scratch.write("log", "1\n2\npart");
  expect_error(
      [&] {
        LineWriter(path, [](std::string_view line) {
          if (line == "2") throw Error("no");
          return false;
        });
      },
      {"no"});
  EXPECT_EQ(scratch.read("log"), "1\n2\npart");
}

TEST(LineWriter, Faults) {
  const Scratch scratch;
  const std::string path = scratch.path("log");
  LineWriter writer(path);
  writer.append("one");
  expect_error([&] { writer.append("two\nthree"); }, {path, "line end"});
  {
    const FullDisk full(8);
    expect_error([&] { writer.append("much too long"); }, {path});
  }
  EXPECT_EQ(scratch.read("log"), "one\n");  // no part of the line
  writer.append("two");
  EXPECT_EQ(scratch.read("log"), "one\ntwo\n");
  LineWriter device("/dev/full");
  expect_error([&] { device.append("x"); }, {"/dev/full", "No space"});
  expect_error([&] { LineWriter(scratch.path("log/below")); }, {"log/below"});
  expect_error([&] { LineWriter{scratch.directory()}; }, {scratch.directory()});
}

TEST(Quotes, MakeOneShortLine) {
  EXPECT_EQ(in_quotes("a b\n\x7f"), "'a b\\x0a\\x7f'");
  EXPECT_EQ(in_quotes("\xc3\xa4"), "'\xc3\xa4'");
  EXPECT_LT(in_quotes(std::string(100000, 'x')).size(), 2000u);
}

}  // namespace
}  // namespace burin::test
