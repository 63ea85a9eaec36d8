// Holds the precompiled headers of all tests (CMakeLists.txt, biplane_test_headers).
